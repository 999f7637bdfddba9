import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { installed, type Lane, type Outcome, openLane } from './lane.ts'
import { apart, leftOut, scripts } from './scripts.ts'

/*
 * OpenSSH's own regression scripts (Debian: openssh-tests) with the gateway between their ssh and their sshd:
 *
 *   [JOBS=2] node test/openssh/run.ts [SCRIPT…]
 *
 * The keys that the scripts put into authorized_keys are robots', and the policy opens everything, so what a script sees is what
 * the gateway carries. A script in which no session began does not count. JOBS of them run at once, each in a folder and with a
 * gateway of its own. docs/conformance.md has the list.
 */

if (!existsSync(installed)) throw new Error(`${installed} is not there: apt-get install openssh-tests`)
if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
const jobs = Number(process.env.JOBS ?? 2)
if (!Number.isInteger(jobs) || jobs < 1 || jobs > 8) throw new Error('JOBS is a number from 1 to 8')

const noScripts = ['test-exec', 'scp-ssh-wrapper', 'sshd-log-wrapper']
const known = new Set([...scripts, ...Object.values(leftOut).flat(), ...noScripts])
const suite = readdirSync(installed).filter((name) => name.endsWith('.sh'))
const unknown = suite.filter((name) => !known.has(name.slice(0, -'.sh'.length)))
if (unknown.length > 0) throw new Error(`neither run nor left out for a reason: ${unknown.join(', ')}`)

const asked = process.argv.slice(2)
const waiting = [...(asked.length > 0 ? asked : scripts)]
const running = new Set<string>()
const results: Record<Outcome['result'], string[]> = { passed: [], failed: [], uncounted: [] }
const begun = performance.now()
await Promise.all(Array.from({ length: Math.min(jobs, waiting.length) }, (_, number) => work(number)))
const counts = Object.entries(results).map(([result, names]) => `${names.length} ${result}`)
console.log(`${counts.join(', ')}, in ${Math.round((performance.now() - begun) / 60_000)} minutes`)
process.exitCode = results.failed.length + results.uncounted.length === 0 ? 0 : 1

async function work(number: number): Promise<void> {
  await using lane = await openLane(number)
  for (let script = next(); script !== undefined; script = next()) {
    running.add(script)
    await runIn(lane, script)
    running.delete(script)
  }
}

/** The first that may run beside those that do; when all that wait must not, whoever runs one of these goes on with them. */
function next(): string | undefined {
  const isHeld = (script: string): boolean => apart.includes(script) && apart.some((other) => running.has(other))
  const at = waiting.findIndex((script) => !isHeld(script))
  return at < 0 ? undefined : waiting.splice(at, 1)[0]
}

async function runIn(lane: Lane, script: string): Promise<void> {
  const { result, sessions, seconds, said } = await lane.run(script)
  results[result].push(script)
  console.log(`${result.padEnd(9)} ${script}: ${sessions} sessions, ${seconds} s`)
  if (result === 'failed') console.log(said.replace(/^/gm, '    '))
}
