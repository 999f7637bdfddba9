import { type Cidr, parseCidr } from '../model/address.ts'
import { CriticalOptions, type ExtensionName, Extensions, type Permissions } from '../model/certificate.ts'
import { parseCommands } from '../model/command.ts'
import { parseDestination, parseListener } from '../model/destination.ts'
import { GatewayError } from '../model/errors.ts'
import { type Glob, parseGlob } from '../model/glob.ts'
import { parseSftpRule } from '../model/sftp.ts'
import { shapeFaults } from '../model/shape.ts'
import { isPrintable, printable } from '../model/text.ts'
import type { Static } from '../model/type.ts'

/** What the critical options say; absent fields restrict nothing. */
export interface Restrictions {
  readonly forceCommand?: string
  readonly sourceAddress?: readonly Cidr[]
}

/** They speak of the subject key, which is the gateway's own: a policy reads `input.key` instead. */
const refused = new Set(['verify-required', 'no-touch-required'])
/** Rows of the contract that the gateway does not enforce yet. A restriction that nobody keeps is none: refused. */
const unenforced: ReadonlySet<string> = new Set<ExtensionName>(['record-session@regate'])

/** Characters of all extensions as JSON: all that a client asks is held against them, and sshd takes them in one packet. */
const extensionsMost = 32_768

/** How the value of each extension reads. A flag is written as the empty string, and means that it is there. */
const readers: { readonly [Name in keyof Permissions]-?: (value: NonNullable<Extensions[Name]>) => Permissions[Name] } =
  {
    'permit-pty': () => true,
    'permit-agent-forwarding': () => true,
    'permit-X11-forwarding': () => true,
    'permit-port-forwarding': () => true,
    'permit-user-rc': () => true,
    'permit-open@regate': (texts) => each(texts, parseDestination),
    'permit-listen@regate': (texts) => each(texts, parseListener),
    'permit-socket@regate': readSockets,
    'permit-shell@regate': () => true,
    'permit-exec@regate': parseCommands,
    'permit-subsystem@regate': (names) => each(names, (name) => (/^[\x21-\x7e]+$/.test(name) ? name : undefined)),
    'permit-sftp@regate': parseSftpRule,
    'permit-env@regate': (names) => each(names, parseName),
    'max-sessions@regate': (most) => most,
    'set-env@regate': readEnvironment,
    'idle-timeout@regate': (seconds) => seconds,
    'session-limit@regate': (seconds) => seconds,
  }

function each<T>(texts: readonly string[], parse: (text: string) => T | undefined): T[] | undefined {
  const parsed = texts.map(parse).filter((item) => item !== undefined)
  return parsed.length === texts.length ? parsed : undefined
}

function readSockets(written: NonNullable<Extensions['permit-socket@regate']>): Permissions['permit-socket@regate'] {
  const open = each(written.open ?? [], parsePath)
  const listen = each(written.listen ?? [], parsePath)
  return open === undefined || listen === undefined ? undefined : { open, listen }
}

/** Variables that the gateway sets: at most 64, and none whose value a terminal or a shell would read in another way. */
function readEnvironment(written: NonNullable<Extensions['set-env@regate']>): Permissions['set-env@regate'] {
  const variables = Object.entries(written as Readonly<Record<string, string>>)
  const reads = ([name, value]: [string, string]): boolean =>
    /^[A-Za-z_][A-Za-z0-9_]{0,255}$/.test(name) && value.length <= 4096 && isPrintable(value)
  return variables.length <= 64 && variables.every(reads) ? Object.fromEntries(variables) : undefined
}

const parsePath = (text: string): Glob | undefined =>
  text.startsWith('/') && isPrintable(text) ? parseGlob(text) : undefined
const parseName = (text: string): Glob | undefined =>
  /^[A-Za-z_*][A-Za-z0-9_*]*$/.test(text) ? parseGlob(text) : undefined

/** Reads extensions as Rego writes them: an unknown name, a value of the wrong shape or a row not yet kept is refused. */
export function readExtensions(written: unknown): { extensions: Extensions; permissions: Permissions } {
  checkNames(written, Object.keys(Extensions.properties))
  const extensions = checkShape(Extensions, written)
  if (JSON.stringify(extensions).length > extensionsMost)
    fail('CERTIFICATE_OPTION_VALUE', `the extensions have more than ${extensionsMost} characters`)
  const permissions: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(extensions)) {
    const read = readers[name as keyof Permissions] as (value: unknown) => unknown
    permissions[name] = read(value) ?? fail('CERTIFICATE_OPTION_VALUE', `${name}: ${excerpt(value)} does not read`)
  }
  return { extensions, permissions: permissions as Permissions }
}

export function readCriticalOptions(written: unknown): {
  criticalOptions: CriticalOptions
  restrictions: Restrictions
} {
  checkNames(written, Object.keys(CriticalOptions.properties))
  const criticalOptions = checkShape(CriticalOptions, written)
  const { 'force-command': forceCommand, 'source-address': addresses } = criticalOptions
  if (forceCommand !== undefined && !isPrintable(forceCommand))
    fail('CERTIFICATE_OPTION_VALUE', 'force-command: control characters')
  const sourceAddress = addresses === undefined ? undefined : each(addresses, parseCidr)
  if (addresses !== undefined && sourceAddress === undefined)
    fail('CERTIFICATE_OPTION_VALUE', `source-address: ${excerpt(addresses)} are not all CIDRs`)
  return {
    criticalOptions,
    restrictions: {
      ...(forceCommand === undefined ? {} : { forceCommand }),
      ...(sourceAddress === undefined ? {} : { sourceAddress }),
    },
  }
}

/** sftp that is looked into, and a forced command in its place: whoever wrote both meant one of them. */
export function mustGoTogether(extensions: Extensions, criticalOptions: CriticalOptions): void {
  if (extensions['permit-sftp@regate'] !== undefined && criticalOptions['force-command'] !== undefined)
    fail('CERTIFICATE_OPTION_VALUE', 'permit-sftp@regate: not together with force-command')
}

function checkNames(written: unknown, known: readonly string[]): void {
  if (typeof written !== 'object' || written === null) fail('CERTIFICATE_OPTION_VALUE', 'options must be an object')
  for (const name of Object.keys(written)) {
    if (refused.has(name)) fail('CERTIFICATE_OPTION_REFUSED', `${name} speaks of the gateway’s own key`)
    if (!known.includes(name)) fail('CERTIFICATE_OPTION_UNKNOWN', `no table knows ${excerpt(name)}`)
    if (unenforced.has(name)) fail('CERTIFICATE_OPTION_UNENFORCED', `${name} is not enforced by this version`)
  }
}

function checkShape<Shape extends typeof Extensions | typeof CriticalOptions>(shape: Shape, written: unknown) {
  const [first] = shapeFaults(shape, written)
  if (first !== undefined) fail('CERTIFICATE_OPTION_VALUE', `${first.path.slice(1)}: ${first.message}`)
  return written as Static<Shape>
}

const excerpt = (value: unknown): string => printable(JSON.stringify(value), 120)

function fail(code: GatewayError['code'], message: string): never {
  throw new GatewayError(code, message)
}
