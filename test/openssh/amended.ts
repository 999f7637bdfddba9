import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a script tries that is no matter of the gateway's, by script: from this text to that one, it is left out. */
const cuts: Readonly<Record<string, readonly [from: string, to: string, why: string]>> = {
  'rekey': [
    'for s in 16 1k 128k 256k; do\n\tverbose "server rekeylimit',
    'verbose "rekeylimit parsing"',
    'key changes that sshd begins: each leg has its own, and the client does not see those of the other',
  ],
  'banner': [' 100000', ' ; do', 'a banner over 64 KiB, which is cut'],
  'proxy-connect': [
    'verbose "username with style"',
    '',
    'a user name with a style (`root:style`), which means nothing to the gateway',
  ],
}

/** Of what is cut from them, by script. */
export const cutFrom: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(cuts).map(([script, [, , why]]) => [script, why]),
)

/** Cuts them in a copy of the suite. Throws when a script is not the one that was read. */
export function amend(suite: string): void {
  for (const [script, [from, to]] of Object.entries(cuts)) {
    const path = join(suite, `${script}.sh`)
    const text = readFileSync(path, 'utf8')
    const begin = text.indexOf(from)
    const end = to === '' ? text.length : text.indexOf(to, begin + from.length)
    if (begin < 0 || end < 0) throw new Error(`${script}.sh is not the one that was read`)
    writeFileSync(path, text.slice(0, begin) + text.slice(end))
  }
}
