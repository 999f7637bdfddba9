import { printable } from '../../model/text.ts'
import type { Visitor, VisitParts } from './visit.ts'

/** What a command came to: lines for either output, and an exit status as a shell's. */
export interface Output {
  readonly status: number
  readonly stdout?: string
  readonly stderr?: string
}
interface Command {
  /** As `help` shows it. */
  readonly usage: string
  readonly what: string
  readonly run: (words: readonly string[], visitor: Visitor, parts: VisitParts) => Output | Promise<Output>
}

const commandMost = 1_024

const commands: Readonly<Record<string, Command>> = {
  whoami: { usage: 'whoami', what: 'who you are here, and until when', run: (_words, visitor) => whoami(visitor) },
  help: { usage: 'help', what: 'this', run: (_words, _visitor, { settings }) => help(settings.gateway) },
}

/** `command`: the bytes that the client sent, one character each. */
export async function runCommand(command: string, visitor: Visitor, parts: VisitParts): Promise<Output> {
  if (command.length > commandMost || /[^\x20-\x7e]/.test(command)) return unknown('that')
  const [name = 'help', ...words] = command.split(' ').filter((word) => word !== '')
  const found = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (found === undefined) return unknown(printable(name, 60))
  return await found.run(words, visitor, parts)
}

const unknown = (name: string): Output => ({
  status: 127,
  stderr: `${name}: no command of the gateway. This connection leads to no host: ssh login@route@gateway does; help lists the rest`,
})

function whoami({ identity }: Visitor): Output {
  return { status: 0, stdout: identity.username }
}

function help(gateway: string): Output {
  const lines = Object.values(commands).map(({ usage, what }) => `  ${usage.padEnd(18)} ${what}`)
  return { status: 0, stdout: [`${gateway} answers, to you alone:`, ...lines].join('\n') }
}
