import { printCertificate } from '../../certificate/print.ts'
import { aligned, time } from '../../model/lines.ts'
import { printable } from '../../model/text.ts'
import { facts } from './lines.ts'
import { listOffers, type Offer, type OfferedLogin } from './offers.ts'
import type { Visitor, VisitParts } from './visit.ts'
import { why } from './why.ts'

/** What a command came to: text for either output, and an exit status as a shell's. */
export interface Output {
  readonly status: number
  readonly stdout?: string
  readonly stderr?: string
}
interface Command {
  /** What may follow the name. */
  readonly takes?: RegExp
  /** As `help` shows it. */
  readonly usage: string
  readonly what: string
  readonly run: (words: readonly string[], visitor: Visitor, parts: VisitParts, signal: AbortSignal) => Promise<Output>
}

const commandMost = 1_024

const commands: Readonly<Record<string, Command>> = {
  whoami: { usage: 'whoami', what: 'who you are here, and until when', run: async (_, visitor) => whoami(visitor) },
  routes: {
    takes: /^(--json)?$/,
    usage: 'routes [--json]',
    what: 'what the policy would open to you now',
    run: routes,
  },
  why: {
    takes: /^\S+$/,
    usage: 'why DECISION',
    what: 'why you were let in or refused, and what would change it',
    run: ([id = ''], visitor, parts) => why(id, visitor, parts.settings.loginCase, parts),
  },
  cert: {
    usage: 'cert',
    what: 'the certificates of your live sessions',
    run: (_, visitor, parts) => certificates(visitor, parts),
  },
  logout: { usage: 'logout', what: 'ends the login of this key, and the sessions that rest on it', run: logout },
  help: { usage: 'help', what: 'this', run: async (_, _visitor, { settings }) => help(settings.gateway) },
}

/** `command`: the bytes that the client sent, one character each. `signal`: nobody waits for the answer any more. */
export async function runCommand(
  command: string,
  visitor: Visitor,
  parts: VisitParts,
  signal: AbortSignal,
): Promise<Output> {
  if (command.length > commandMost || /[^\x20-\x7e]/.test(command)) return unknown('that')
  const [name = 'help', ...words] = command.split(' ').filter((word) => word !== '')
  const found = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (found === undefined) return unknown(printable(name, 60))
  if (!(found.takes ?? /^$/).test(words.join(' '))) return { status: 2, stderr: `it is written: ${found.usage}` }
  return await found.run(words, visitor, parts, signal)
}

/** A menu takes a terminal: without one the routes are told, and that this is not what was asked for. */
export async function withoutTerminal(visitor: Visitor, parts: VisitParts, signal: AbortSignal): Promise<Output> {
  const { stdout = '', stderr = '' } = await routes([], visitor, parts, signal)
  const { stdout: more } = await help(parts.settings.gateway)
  return {
    status: 1,
    stdout: [stdout, stderr, '', more].join('\n').trimStart(),
    stderr: 'the menu takes a terminal: ssh -t',
  }
}

const unknown = (name: string): Output => ({
  status: 127,
  stderr: `${name}: no command of the gateway. This connection leads to no host: ssh login@route@gateway does; help lists the rest`,
})

function whoami({ identity, key, source }: Visitor): Output {
  const { username, groups, kind, login, expires_at: until } = identity
  return {
    status: 0,
    stdout: facts([
      ['user', username],
      ['groups', groups.join(', ')],
      ['kind', kind],
      ['login', kind === 'robot' ? 'by its key' : `since ${time(login.at)}, until ${time(until)}`],
      ['key', key === undefined ? 'none' : `${key.fingerprint} (${key.type})`],
      ['from', source],
    ]),
  }
}

async function routes(
  [json]: readonly string[],
  visitor: Visitor,
  parts: VisitParts,
  signal: AbortSignal,
): Promise<Output> {
  const offers: Offer[] = []
  const faults = new Set<string>()
  for await (const { offer, fault } of listOffers(visitor, parts.settings.loginCase, parts, signal)) {
    if (offer !== undefined) offers.push(offer)
    if (fault !== undefined) faults.add(fault)
  }
  const missing =
    faults.size === 0 ? {} : { stderr: `of some routes the policy gave no answer (${[...faults].join(', ')})` }
  const status = faults.size === 0 ? 0 : 1
  if (json !== undefined) {
    const told = offers.map(({ route, logins }) => ({
      route,
      logins: logins.map(({ login, require }) => ({ login, require })),
    }))
    return { status, stdout: JSON.stringify(told), ...missing }
  }
  if (offers.length === 0 && faults.size === 0) return { status, stderr: 'the policy would open no route to you now' }
  return {
    status,
    stdout: aligned(offers.map(({ route, logins }) => [route, logins.map(written).join(', ')])),
    ...missing,
  }
}

const written = ({ login, require }: OfferedLogin): string =>
  require.length === 0 ? login : `${login} (asks for a ${require.join(', ')})`

async function certificates({ identity }: Visitor, { here }: VisitParts): Promise<Output> {
  const live = await here.sessionsOf(identity)
  if (live.length === 0) return { status: 0, stderr: 'you have no live session' }
  const text = live.map(({ session: { login, route, source }, certificate }) => {
    return `${login}@${route} from ${source.ip}:\n${printCertificate(certificate)}`
  })
  return { status: 0, stdout: text.join('\n\n') }
}

async function logout(_: readonly string[], visitor: Visitor): Promise<Output> {
  const { loginId } = visitor.visiting
  if (visitor.identity.kind === 'robot') return { status: 1, stderr: 'a robot has no login: its key is its own' }
  if (loginId === undefined) return { status: 1, stderr: 'nothing is kept of a sign-in without a key' }
  await visitor.logout()
  return { status: 0, stdout: 'The login of this key has ended, and the sessions that rested on it.' }
}

async function help(gateway: string): Promise<Output> {
  const lines = aligned(Object.values(commands).map(({ usage, what }) => [`  ${usage}`, what]))
  return {
    status: 0,
    stdout: `${gateway} answers, to you alone:\n${lines}\nWithout a command it shows the routes that are open to you now. To a host: ssh login@route@gateway`,
  }
}
