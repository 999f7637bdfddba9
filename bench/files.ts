import { closeSync, ftruncateSync, openSync } from 'node:fs'
import { join } from 'node:path'
import type { CertificateRequest } from '../src/model/certificate.ts'
import { startWorld, type World } from '../test/support/world.ts'
import { residentBytes } from './memory.ts'
import { medianOf } from './statistics.ts'
import { timed } from './stopwatch.ts'
import { atMost, inMegabytes, type Row } from './table.ts'
import type { Direction, Load } from './throughput.ts'

/** The same files at the same target: with every request of sftp judged by path, and with none looked at. */
type Route = 'judged' | 'plain'
const routes: readonly Route[] = ['judged', 'plain']

/** KiB that a copy may cost beyond one that nobody looks into. */
const memoryGoal = 1_024
/** Rounds that do not count: in the first a process grows by 50 MiB, and in the next ones still by 1 or 2, whoever's copy it is. */
const warmUp = 2
/** Milliseconds. */
const lookEvery = 20

/** Copies a file with the stock sftp, to /dev/null at either end, in turn by either route. */
export async function fileRows(load: Load, say: (stage: string) => void, signal: AbortSignal): Promise<Row[]> {
  const extensions = (home: string): Record<Route, CertificateRequest['extensions']> => ({
    judged: { 'permit-sftp@regate': { read: [`${home}/*`], write: ['/dev/null'] } },
    plain: { 'permit-subsystem@regate': ['sftp'] },
  })
  await using world = await startWorld({
    config: ({ sshd: { home, port, hostKey } }) => ({
      routes: routes.map((name) => {
        const certificate = { principals: ['postgres'], ttl: 300, extensions: extensions(home)[name] }
        const decision = JSON.stringify({ version: 'ssh/v1', outcome: 'allow', certificate })
        return { name, host: '127.0.0.1', port, host_keys: [hostKey], labels: { decision } }
      }),
    }),
  })
  const file = join(world.sshd.home, 'zeroes')
  const opened = openSync(file, 'w')
  ftruncateSync(opened, load.bytes)
  closeSync(opened)
  const { code, stderr } = await world.ssh('plain', ['-s', 'sftp'])
  if (code !== 0) throw new Error(`the sign-in failed:\n${stderr}`)
  const rows: Row[] = []
  for (const direction of ['down', 'up'] as const) {
    say(`sftp ${direction}`)
    rows.push(...(await copies(world, direction, file, load, signal)))
  }
  return rows
}

interface Copy {
  /** Bytes a second, the login counted. */
  readonly rate: number
  /** Of the gateway's process, the most while it lasted. */
  readonly resident: number
}

async function copies(
  world: World,
  direction: Direction,
  file: string,
  { bytes, rounds }: Load,
  signal: AbortSignal,
): Promise<Row[]> {
  const measured: Record<Route, Copy[]> = { judged: [], plain: [] }
  for (let round = -warmUp; round < rounds; round++)
    for (const route of round % 2 === 0 ? routes : routes.toReversed()) {
      const copy = await copyOnce(world, route, direction, file, bytes, signal)
      if (round >= 0) measured[route].push(copy)
    }
  const rate = (route: Route): number => medianOf(measured[route].map((copy) => copy.rate))
  // Of one round with the other, since what a process has taken it seldom gives back, and takes a little more each time.
  const beyond = measured.judged.map(
    ({ resident }, round) => (resident - (measured.plain[round]?.resident ?? 0)) / 1_024,
  )
  const grown = medianOf(beyond)
  const [least, most] = [Math.min(...beyond), Math.max(...beyond)].map((kib) => kib.toFixed(0))
  const name = `sftp ${direction}, ${(bytes / 1024 ** 3).toFixed(1)} GiB`
  return [
    { figure: `${name}: nobody looks into it`, value: inMegabytes(rate('plain')) },
    {
      figure: `${name}: judged by permit-sftp`,
      value: `${inMegabytes(rate('judged'))}, ${(rate('judged') / rate('plain')).toFixed(2)} of that`,
    },
    {
      figure: `${name}: memory beyond`,
      value: `${grown.toFixed(0)} KiB (${least} to ${most})`,
      goal: atMost(memoryGoal, grown, ' KiB'),
    },
  ]
}

async function copyOnce(
  world: World,
  route: Route,
  direction: Direction,
  file: string,
  bytes: number,
  signal: AbortSignal,
): Promise<Copy> {
  const line = direction === 'down' ? `get ${file} /dev/null` : `put ${file} /dev/null`
  const options = `-F ${world.config} -o User=postgres@${route} -o Ciphers=aes128-gcm@openssh.com`
  const { pid } = world.gateway.child
  if (pid === undefined) throw new Error('the gateway has no process')
  let resident = residentBytes(pid)
  const look = setInterval(() => (resident = Math.max(resident, residentBytes(pid))), lookEvery)
  try {
    const script = `echo "${line}" | sftp -q ${options} -b - ${route}`
    const { milliseconds } = await timed('sh', ['-c', script], 'start', signal)
    return { rate: bytes / (milliseconds / 1_000), resident }
  } finally {
    clearInterval(look)
  }
}
