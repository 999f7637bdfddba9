import { ConfigError } from './config-error.ts'
import type { Robots } from './identity/robots.ts'
import { parseRobots, type Robot } from './identity/robots-file.ts'
import { readKeyList } from './key-file.ts'
import { asGatewayError, GatewayError } from './model/errors.ts'
import { faultFields, type Log } from './model/log.ts'
import type { Clock, Fingerprint, Milliseconds, UnixSeconds } from './model/units.ts'
import { watchFile } from './watch.ts'

/** Who has a live login by one of these keys. */
export interface KeyHolders {
  holders(
    keys: readonly Fingerprint[],
    now: UnixSeconds,
  ): Promise<readonly { readonly keyFingerprint: Fingerprint; readonly username: string }[]>
}

export interface RobotsFile {
  /** The file that `identity.keys` names. */
  readonly path: string
  readonly rsaBits: number
  readonly logins: KeyHolders
}
export interface RobotsParts extends RobotsFile {
  /** Told of the keys whose robots are gone or changed. */
  readonly gone: (keys: ReadonlySet<string>) => void
}

/**
 * The robots of the file. Throws ConfigError with every fault of it, one of which is a key that is a person's login as
 * well: nobody could say whose session that is.
 */
export async function loadRobots(file: RobotsFile, now: UnixSeconds): Promise<readonly Robot[]> {
  const { robots, problems, shared } = await readRobots(file, now)
  const all = [...problems, ...shared.map(({ problem }) => problem)]
  if (all.length > 0) throw asConfigError(all)
  return robots
}

interface Shared {
  readonly robot: Robot
  readonly problem: Problem
}
type Problem = ReturnType<typeof parseRobots>['problems'][number]

async function readRobots({ path, rsaBits, logins }: RobotsFile, now: UnixSeconds) {
  const { robots, problems } = parseRobots(path, read(path), rsaBits)
  const found = await logins.holders(
    robots.map(({ key }) => key.fingerprint),
    now,
  )
  const names = new Map(found.map(({ keyFingerprint, username }) => [keyFingerprint, username]))
  const shared = robots.flatMap((robot): Shared[] => {
    const { key, username, where } = robot
    const person = names.get(key.fingerprint)
    if (person === undefined) return []
    const message = `the key of ${username} is the login of ${person} as well: whose is it?`
    return [{ robot, problem: { where, message } }]
  })
  return { robots, problems, shared }
}

const asConfigError = (problems: readonly Problem[]): ConfigError =>
  new ConfigError(problems.map((problem) => ({ ...problem, offset: lineOf(problem.where) })))

function read(path: string): string {
  try {
    return readKeyList(path)
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown
    throw new ConfigError([{ where: 'identity.keys', message: thrown.message, offset: 0 }])
  }
}

const lineOf = (where: string): number => Number(/:(\d+)$/.exec(where)?.[1] ?? 0)

/** Between two looks at a file that tells nobody of its changes. */
const lookEvery = 1_000 as Milliseconds

/**
 * Reads the file, and again whenever it changes: a bad one stops the start (ConfigError), later it changes nothing and the
 * log says so.
 */
export async function followRobots(
  robots: Robots,
  parts: RobotsParts,
  clock: Clock,
  log: Log,
): Promise<AsyncDisposable> {
  await using undo = new AsyncDisposableStack()
  let reading: Promise<unknown> = Promise.resolve()
  undo.defer(() => reading.then(() => {}))
  const changed = (): void => {
    reading = reading.then(() => readAgain(robots, parts, clock, log))
  }
  const lost = (): void => log.error({ path: parts.path }, 'the robots’ file is not there any more: its keys stay')
  // Watched before it is read: a change in between is not missed.
  undo.use(watchFile(parts.path, lookEvery, changed, lost))
  const first = loadRobots(parts, clock()).then((found) => robots.replace(found))
  reading = first.catch(() => {})
  await first
  return undo.move()
}

async function readAgain(robots: Robots, parts: RobotsParts, clock: Clock, log: Log): Promise<void> {
  try {
    const { robots: all, problems, shared } = await readRobots(parts, clock())
    if (problems.length > 0) throw asConfigError(problems)
    // A person who has signed in with the key of one line must not keep the others from taking hold.
    const found = all.filter((robot) => !shared.some((other) => other.robot === robot))
    for (const { problem } of shared) log.error({ code: 'KEY_OF_ROBOT', where: problem.where }, problem.message)
    const changed = robots.replace(found)
    parts.gone(new Set(changed.map(({ key }) => key.fingerprint)))
    const names = changed.slice(0, 100).map(({ username }) => username)
    log.info({ robots: found.length, changed: names }, 'the robots’ keys were read again')
  } catch (thrown) {
    const fault = asGatewayError(thrown, 'INTERNAL', 'the robots’ keys could not be read')
    const problems = fault instanceof ConfigError ? fault.problems.slice(0, 20) : []
    log.error(
      { ...faultFields(fault), problems: problems.map(({ where, message }) => `${where}: ${message}`) },
      'the robots’ keys have changed and cannot be used: those before stay',
    )
  }
}
