import { type Config, readConfig } from '../config.ts'
import { ConfigError } from '../config-error.ts'
import { findRoute, hostKeysOf, type RouteSettings } from '../gateway/routes.ts'
import { createIssuer } from '../identity/issuer.ts'
import { readKeyList } from '../key-file.ts'
import { type CaKeys, loadKeys } from '../keys.ts'
import { fingerprintOf } from '../model/fingerprint.ts'
import { printable } from '../model/text.ts'
import { systemClock } from '../model/units.ts'
import { startPolicy } from '../policies.ts'
import { readBundle } from '../policy/bundle.ts'
import { Threads } from '../policy/threads.ts'
import { loadRobots } from '../robots.ts'
import { hostKeyAlgorithms } from '../ssh/algorithms.ts'
import { algorithmsFor, checkHostKey, hostKeyText } from '../ssh/host-keys.ts'
import { type KnownHosts, readKnownHosts } from '../ssh/known-hosts.ts'
import { reach } from '../ssh/target.ts'
import { openStore } from '../store/open.ts'

/** A check by its name: resolves with what there is to say of it, rejects with what is wrong. */
type Check = readonly [name: string, run: () => Promise<string>]

/** Those besides `ssh/decision`, and what goes without them. */
const optional: Readonly<Record<string, string>> = {
  'ssh/offers': 'no menu',
  'ssh/explain': 'no explanations',
  'system/authz/allow': 'nobody may call the HTTP API',
}

/** Runs all checks, prints a line each, and answers whether all went well. A file that cannot be read is thrown. */
export async function check(file: string, scan: boolean): Promise<boolean> {
  const config = readConfig(file, process.env)
  const checks: Check[] = [
    ['keys', () => checkKeys(config)],
    ['store', () => checkStore(config)],
    ...checkOfRobots(config),
    ['policy', () => checkPolicy(config)],
    ['identity provider', () => checkIssuer(config)],
    ...config.routes.map((route): Check => [`route ${route.name}`, () => checkRoute(route, config, scan)]),
  ]
  const results = await Promise.all(checks.map(([name, run]) => outcome(name, run)))
  for (const { name, good, text } of results) console.log(`${good ? 'ok    ' : 'FAILED'}  ${name}: ${text}`)
  return results.every(({ good }) => good)
}

async function outcome(name: string, run: () => Promise<string>) {
  try {
    return { name, good: true, text: await run() }
  } catch (thrown) {
    return { name, good: false, text: faultText(thrown as Error) }
  }
}

/** All of the problems, each with its place. */
function faultText(fault: Error): string {
  if (!(fault instanceof ConfigError)) return printable(fault.message, 600)
  return fault.problems.map(({ where, message }) => printable(`${where}: ${message}`, 600)).join('\n        ')
}

function checkOfRobots({ identity: { keys: path }, limits: { rsaBits }, store: url }: Config): Check[] {
  if (path === undefined) return []
  const run = async (): Promise<string> => {
    await using store = await openStore(url)
    const robots = await loadRobots({ path, rsaBits, logins: store.logins }, systemClock())
    return `${robots.length} of them in ${path}`
  }
  return [['robots', run]]
}

async function checkKeys(config: Config): Promise<string> {
  const { host, ...user } = loadKeys(config)
  const ofUser = await textOf('user CA', user)
  return host === undefined ? ofUser : `${ofUser}\n              ${await textOf('host CA', host)}`
}

async function textOf(name: string, { authority, alsoTrusted }: CaKeys): Promise<string> {
  await authority.probe()
  const others = alsoTrusted.map(({ fingerprint }) => `\n        also trusted: ${fingerprint}`)
  return `${name} ${authority.fingerprint}${others.join('')}`
}

async function checkStore(config: Config): Promise<string> {
  await using store = await openStore(config.store)
  await store.ping()
  return config.store
}

async function checkPolicy({ policy }: Config): Promise<string> {
  const bundle = await readBundle(policy.bundle)
  await using threads = new Threads(0)
  await using pool = await startPolicy(bundle, policy, policy.bundle, threads)
  const missing = Object.entries(optional).filter(([name]) => !pool.entrypoints.includes(name))
  const notes = missing.map(([name, without]) => `\n        without ${name}: ${without}`)
  return `${policy.bundle}, revision ${bundle.revision}${notes.join('')}`
}

async function checkIssuer({ identity }: Config): Promise<string> {
  await createIssuer(identity).probe()
  return identity.issuer.href
}

/** Connects and compares; whose key is not known is shown, so that it can be compared by other means and written down. */
async function checkRoute(settings: RouteSettings, config: Config, scan: boolean): Promise<string> {
  const { knownHosts: path, name } = settings
  if (path !== undefined) checkKnownHosts(path)
  const route = findRoute([settings], name)
  if (route === undefined) return 'a pattern: its hosts are checked when somebody asks for them'
  const known = hostKeysOf(route, readFile)
  let seen: Buffer | undefined
  const look = (shown: Buffer): Buffer => {
    seen = scan ? shown : checkHostKey(known, shown, route.host, systemClock())
    return seen
  }
  const algorithms = scan ? hostKeyAlgorithms : algorithmsFor(known)
  const target = await reach(route, algorithms, look, config.limits, new AbortController().signal)
  target.leave()
  if (seen === undefined) throw new Error('the host showed no key')
  return scan
    ? `${fingerprintOf(seen)}\n        host_keys: ["${hostKeyText(seen)}"]`
    : `${route.host}:${route.port} ${fingerprintOf(seen)}`
}

const readFile = (path: string): KnownHosts => readKnownHosts(readKeyList(path))

/** Each line that does not read, with its place. */
function checkKnownHosts(path: string): void {
  const { faults } = readFile(path)
  const problems = faults.map(({ line, message }) => ({ where: `${path}:${line}`, message, offset: line }))
  if (problems.length > 0) throw new ConfigError(problems)
}
