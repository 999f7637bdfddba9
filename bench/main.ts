/**
 * How fast the gateway is, beside direct ssh and a jump host: the real ssh, sshd and gateway, on this machine.
 *
 *     node bench/main.ts                  # at most ten minutes
 *     node bench/main.ts --size full      # an hour; or quick: two minutes, and rough figures
 *     node bench/main.ts files logins     # some parts of it
 *     node bench/main.ts --json FILE      # writes what came out; parts that were not measured stay as they are there
 *
 * It is no test: a goal that is missed is printed as such, and the exit code stays 0.
 */
import { parseArgs } from 'node:util'
import { prepareGround } from './ground.ts'
import { describeMachine, otherWork } from './machine.ts'
import { isBusy, machineText } from './machine-text.ts'
import { measurePart, type Part, partNames } from './parts.ts'
import { type PartResult, writeResults } from './results.ts'
import { type SizeName, sizes } from './sizes.ts'
import { printTable } from './table.ts'

interface Wish {
  readonly size: SizeName
  readonly parts: readonly Part[]
  /** The file to write to. */
  readonly json: string | undefined
}

async function bench({ size, parts, json }: Wish, signal: AbortSignal): Promise<void> {
  const machine = describeMachine()
  console.log(machineText(machine))
  await using ground = await prepareGround()
  const results: Record<string, PartResult> = {}
  for (const part of parts) {
    const before = await otherWork(signal)
    results[part] = { size, otherWork: before, rows: await measurePart(part, ground, sizes[size], signal) }
    if (json !== undefined) writeResults(json, { machine, parts: results }, partNames)
  }
  const measured = Object.values(results)
  console.log(`\n${printTable(measured.flatMap(({ rows }) => rows))}\n\n${notes(size)}`)
  if (measured.some(({ otherWork }) => isBusy(otherWork)))
    console.log('The machine had other work: the ratios may hold, the figures beside them will not.')
}

function notes(size: SizeName): string {
  const { logins, transfers, many, keys } = sizes[size]
  return [
    `Logins: median of ${logins} rounds, the person is known already. Throughput: median of ${transfers.rounds} rounds of`,
    `${transfers.bytes / 1e6} MB, ${many.bytes / 1e6} MB each when there are ${many.sessions}; login not counted. Keys: ${keys.keys * keys.rounds} on each way.`,
    'Each round goes all ways that a row has. Processor time: of ssh and sshd on the direct way, of the gateway’s process on its.',
    'MB and KB are 1000000 and 1000 bytes. The goals are for two processors, on which client, gateway and target run together.',
  ].join('\n')
}

/** Undefined for arguments that nobody knows. */
function asked(): Wish | undefined {
  try {
    const { values, positionals } = parseArgs({
      options: { size: { type: 'string', default: 'short' }, json: { type: 'string' } },
      allowPositionals: true,
    })
    const isSize = (name: string): name is SizeName => Object.hasOwn(sizes, name)
    if (!isSize(values.size) || !positionals.every((name) => (partNames as string[]).includes(name))) return undefined
    const some = partNames.filter((name) => positionals.includes(name))
    return { size: values.size, parts: some.length > 0 ? some : partNames, json: values.json }
  } catch {
    return undefined
  }
}

const interrupted = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.once(name, () => interrupted.abort(new Error(`ended by ${name}`)))
try {
  const wish = asked()
  if (wish !== undefined) await bench(wish, interrupted.signal)
  else {
    console.error(
      `usage: node bench/main.ts [--size ${Object.keys(sizes).join('|')}] [--json FILE] [${partNames.join('|')}]…`,
    )
    process.exitCode = 2
  }
} catch (thrown) {
  const fault = (interrupted.signal.aborted ? interrupted.signal.reason : thrown) as Error
  console.error(`bench: ${fault.message}`)
  process.exitCode = 1
}
