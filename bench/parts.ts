import type { GatewayProcess } from '../test/support/world.ts'
import { changeRows, revocationRows } from './changes.ts'
import { fileRows } from './files.ts'
import { bundle, type Ground } from './ground.ts'
import { type Keys, measureKeystrokes } from './keystrokes.ts'
import { measureMemory } from './memory.ts'
import { atOnce, measurePolicy } from './policy.ts'
import type { Size } from './sizes.ts'
import { medianOf } from './statistics.ts'
import { atLeast, atMost, type Row } from './table.ts'
import { timingRows } from './timing.ts'
import { loginRows, manyRows, pidOf, rateRows, sameKeyExchange, throughputRows } from './way-rows.ts'

type Measure = (ground: Ground, size: Size, signal: AbortSignal) => Promise<Row[]>

/** What can be measured for itself. The gateway is one process, but where it says otherwise. */
const measures = {
  logins: (ground, size, signal) => ground.withGateway((gateway) => loginRows(ground, gateway, size, signal)),
  throughput: (ground, { transfers }, signal) =>
    ground.withGateway((gateway) => throughputRows(ground, gateway, transfers, signal)),
  many: (ground, { many }, signal) => ground.withGateway((gateway) => manyRows(ground, gateway, many, signal)),
  workers: workerRows,
  keystrokes: keystrokeRows,
  decisions: (_ground, { decisions }, signal) => decisionRows(decisions, signal),
  memory: memoryRows,
  revocations: (ground, { revocations }, signal) =>
    ground.withGateway((gateway) => revocationRows(ground, gateway, revocations, say, signal)),
  changes: (ground, { changes }, signal) =>
    ground.withGateway((gateway) => changeRows(ground, gateway, changes, say, signal)),
  starts: startRows,
  files: (_ground, { files }, signal) => fileRows(files, say, signal),
  refusals: (ground, { refusals }, signal) =>
    ground.withGateway(async (gateway) => {
      await ground.signIn(ground.configure('refusals', gateway))
      return timingRows(ground.access(gateway), refusals, signal)
    }),
} satisfies Record<string, Measure>

export type Part = keyof typeof measures
export const partNames = Object.keys(measures) as Part[]

export async function measurePart(part: Part, ground: Ground, size: Size, signal: AbortSignal): Promise<Row[]> {
  say(part)
  return measures[part](ground, size, signal)
}

const say = (stage: string): void => console.error(`bench: ${stage}`)

/** As many processes as the gateway takes by itself. */
async function workerRows(ground: Ground, { many, sustained }: Size, signal: AbortSignal): Promise<Row[]> {
  const work = async (gateway: GatewayProcess): Promise<Row[]> => {
    const rows = [
      ...(await manyRows(ground, gateway, many, signal)),
      ...(await rateRows(ground, gateway, sustained, signal)),
    ]
    return rows.map(ofDefaultWorkers)
  }
  return ground.withGateway(work, { workers: 'default' })
}

const ofDefaultWorkers = (row: Row): Row => ({ ...row, figure: `${row.figure}, default workers` })

const addedGoals = { p50: 0.3, p99: 1 } as const

/** In one process, and with as many as the gateway takes by itself: what else it does is then another process's. */
async function keystrokeRows(ground: Ground, { keys }: Size, signal: AbortSignal): Promise<Row[]> {
  const rows = async (workers: 1 | 'default'): Promise<Row[]> =>
    ground.withGateway((gateway) => echoRows(ground, gateway, keys, signal), { workers })
  return [...(await rows(1)), ...(await rows('default')).map(ofDefaultWorkers)]
}

async function echoRows(ground: Ground, gateway: GatewayProcess, keys: Keys, signal: AbortSignal): Promise<Row[]> {
  const config = ground.configure('keystrokes', gateway, sameKeyExchange)
  await ground.signIn(config)
  const rows: Row[] = []
  for (const bulk of [false, true]) {
    const echo = await measureKeystrokes(config, keys, bulk, signal)
    const beside = bulk ? 'beside a transfer' : 'alone'
    for (const part of ['p50', 'p99'] as const) {
      const figure = `key to echo ${beside}, ${part}`
      const added = echo[part].gateway - echo[part].direct
      const goal = atMost(addedGoals[part], added, ' ms')
      rows.push(
        { figure, way: 'direct', value: inHundredths(echo[part].direct) },
        { figure, way: 'gateway', value: inHundredths(echo[part].gateway) },
        { figure, way: 'jump', value: inHundredths(echo[part].jump) },
        { figure: `the gateway adds to a key’s echo ${beside}, ${part}`, value: inHundredths(added), goal },
      )
    }
  }
  return rows
}
const inHundredths = (milliseconds: number): string => `${milliseconds.toFixed(2)} ms`

async function decisionRows(decisions: number, signal: AbortSignal): Promise<Row[]> {
  const { p50, p99, p999, perSecond, perSecondAtOnce } = await measurePolicy(bundle, decisions, signal)
  const row = (figure: string, microseconds: number): Row => ({
    figure: `policy decision, ${figure}`,
    value: `${Math.round(microseconds)} us`,
  })
  return [
    { ...row('p50', p50), goal: atMost(150, p50, ' us') },
    { ...row('p99', p99), goal: atMost(300, p99, ' us') },
    row('p99.9', p999),
    { figure: 'policy decisions, one after the other', value: `${Math.round(perSecond)} /s` },
    {
      figure: `policy decisions, ${atOnce} under way, one worker`,
      value: `${Math.round(perSecondAtOnce)} /s`,
      goal: atLeast(10_000, perSecondAtOnce, ' /s'),
    },
  ]
}

/** In a process of its own, which has not been stretched by transfers. */
function memoryRows(ground: Ground, { memory }: Size, signal: AbortSignal): Promise<Row[]> {
  return ground.withGateway(async (gateway) => {
    await ground.signIn(ground.configure('memory', gateway))
    const { base, perSession } = await measureMemory(pidOf(gateway), ground.access(gateway), memory, signal)
    return [
      { figure: 'memory before any session', value: `${(base / 1e6).toFixed(0)} MB` },
      {
        figure: `memory per live session (of ${memory})`,
        value: `${(perSession / 1e3).toFixed(1)} KB`,
        goal: atMost(30, perSession / 1e3, ' KB'),
      },
    ]
  })
}

async function startRows(ground: Ground, { starts }: Size, signal: AbortSignal): Promise<Row[]> {
  const times: number[] = []
  await ground.withGateway((gateway) => gateway.stop()) // leaves what it compiled to those that come: see docs/performance.md
  for (let count = 0; count < starts; count++) {
    signal.throwIfAborted()
    const begun = performance.now()
    await ground.withGateway(async () => void times.push(performance.now() - begun))
  }
  const median = medianOf(times)
  return [
    {
      figure: `start to ready, median of ${starts}`,
      value: `${median.toFixed(0)} ms`,
      goal: atMost(1_000, median, ' ms'),
    },
  ]
}
