import { GatewayError } from '../model/errors.ts'
import { type PublicKey, readPublicKey } from '../model/public-key.ts'
import { printable } from '../model/text.ts'
import type { UnixSeconds } from '../model/units.ts'
import { parseExpiryTime } from './expiry-time.ts'
import { readOptions } from './key-options.ts'
import { parseSourceList, type SourceList } from './source-list.ts'

/** Who has a key that needs no browser: CI, Ansible, a backup. */
export interface Robot {
  readonly key: PublicKey
  readonly username: string
  readonly groups: readonly string[]
  /** First second that counts no more; absent: none. */
  readonly expiresAt?: UnixSeconds
  /** Absent: from anywhere. */
  readonly from?: SourceList
  /** `robots.keys:12`. */
  readonly where: string
}

/** What is wrong with the file: `robots.keys:12`, and what stands there. */
export interface RobotsProblem {
  readonly where: string
  readonly message: string
}

const lineMost = 16_384
const robotsMost = 10_000
const groupsMost = 1_000
const problemsMost = 1_000
const known = ['username', 'groups', 'expiry-time', 'from']

/**
 * A file of keys in the format of authorized_keys (sshd(8), AUTHORIZED_KEYS FILE FORMAT) with options of our own: every
 * robot, and every fault. `name` is the file's, for people.
 */
export function parseRobots(
  name: string,
  text: string,
  rsaBitsLeast: number,
): { readonly robots: readonly Robot[]; readonly problems: readonly RobotsProblem[] } {
  const robots = new Map<string, Robot>()
  const problems: RobotsProblem[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const where = `${name}:${index + 1}`
    if (problems.length >= problemsMost) {
      problems.push({ where, message: 'what follows was not read: too many problems' })
      break
    }
    const before = problems.length
    const complain: Complain = (message) => void problems.push({ where, message })
    const robot = readLine(line.replace(/\r$/, ''), where, rsaBitsLeast, complain)
    if (robot === undefined || problems.length > before) continue
    const same = robots.get(robot.key.fingerprint)
    if (same !== undefined) complain(`the key of ${same.where} (${same.username}) once more`)
    else robots.set(robot.key.fingerprint, robot)
  }
  if (robots.size > robotsMost) problems.push({ where: name, message: `more than ${robotsMost} keys` })
  return { robots: [...robots.values()], problems }
}

type Complain = (message: string) => undefined

/** Undefined for a line without a key: blank, a comment, or one that was complained about. */
function readLine(line: string, where: string, rsaBitsLeast: number, complain: Complain): Robot | undefined {
  const rest = line.replace(/^[ \t]+/, '')
  if (rest === '' || rest.startsWith('#')) return undefined
  if (line.length > lineMost) return complain(`a line of more than ${lineMost} characters`)
  // As sshd does: what does not begin with a kind of key begins with options.
  const bare = readKey(rest)
  const { options, after } =
    bare === undefined ? readOptions(rest, known, complain) : { options: new Map(), after: rest }
  if (after === undefined) return undefined
  const found = bare ?? readKey(after)
  if (found === undefined) return complain('no key where one should be: "ssh-ed25519 AAAA…"')
  const key = checked(found, rsaBitsLeast, complain)
  const identity = readIdentity(options, complain)
  return key === undefined || identity === undefined ? undefined : { key, ...identity, where }
}

interface WrittenKey {
  readonly type: string
  readonly base64: string
}
/** A comment may follow. */
function readKey(text: string): WrittenKey | undefined {
  const [, type, base64] = /^([a-z][a-z0-9@.-]*)[ \t]+([A-Za-z0-9+/]+={0,2})(?:[ \t]|$)/.exec(text) ?? []
  return type === undefined || base64 === undefined ? undefined : { type, base64 }
}

function checked({ type, base64 }: WrittenKey, rsaBitsLeast: number, complain: Complain): PublicKey | undefined {
  try {
    const blob = Buffer.from(base64, 'base64')
    if (blob.toString('base64') !== base64) return complain('the key is no base64')
    const key = readPublicKey(blob)
    if (key.type !== type) return complain(`the key is of kind ${key.type}, not ${printable(type, 60)} as it says`)
    if (key.application !== undefined) return complain('FIDO keys want to be touched, and are no robots’ keys')
    if (key.type !== 'ssh-rsa' || key.rsaBits >= rsaBitsLeast) return key
    return complain(`RSA keys must have at least ${rsaBitsLeast} bits, not ${key.rsaBits}`)
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown
    return complain(thrown.message)
  }
}

type Identity = Pick<Robot, 'username' | 'groups' | 'expiresAt' | 'from'>

/** What is wrong with one option does not hide what is wrong with the next. */
function readIdentity(options: ReadonlyMap<string, string>, complain: Complain): Identity | undefined {
  const username = readUsername(options.get('username'), complain)
  const groups = readGroups(options.get('groups'), complain)
  const expiry = options.get('expiry-time')
  const expiresAt = expiry === undefined ? undefined : readExpiry(expiry, complain)
  const list = options.get('from')
  const from = list === undefined ? undefined : parseSourceList(list, complain)
  if (username === undefined || groups === undefined) return undefined
  return {
    username,
    groups,
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(from === undefined ? {} : { from }),
  }
}

/** What a certificate's key id can hold as it is. */
function readUsername(text: string | undefined, complain: Complain): string | undefined {
  if (text === undefined) return complain('username="…" is missing: whose key is it?')
  if (/^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,63}$/.test(text)) return text
  return complain(`username is none: ${printable(text, 80)}; letters, digits and ._@+-, at most 64`)
}

function readGroups(text: string | undefined, complain: Complain): readonly string[] | undefined {
  const groups = text?.split(',') ?? []
  if (groups.length > groupsMost) return complain(`more than ${groupsMost} groups`)
  const wrong = groups.find((group) => !/^[^\p{C}\p{Z}](?:[^\p{C}]{0,254}[^\p{C}\p{Z}])?$/u.test(group))
  return wrong === undefined ? groups : complain(`a group is none: ${JSON.stringify(printable(wrong, 80))}`)
}

function readExpiry(text: string, complain: Complain): UnixSeconds | undefined {
  const shown = printable(text, 40)
  return parseExpiryTime(text) ?? complain(`expiry-time is no time: ${shown}; write YYYYMMDD[HHMM[SS]][Z]`)
}
