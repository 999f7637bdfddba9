import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { renameSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { run } from '../../test/support/process.ts'
import type { GatewayProcess } from '../../test/support/world.ts'
import { another, inForce, loginIds, revoke } from '../changes.ts'
import type { Ground } from '../ground.ts'
import { Terminal } from '../keystrokes.ts'
import { begin, go } from '../stopwatch.ts'
import type { Tally } from './tally.ts'

/** What the work is done on. */
export interface Place {
  readonly ground: Ground
  readonly gateway: GatewayProcess
  /** Of ssh. */
  readonly config: string
  /** Of a server at the target that sends back what it gets; the policy lets developers forward to it. */
  readonly echo: number
  readonly tally: Tally
}

/** Bytes. */
const bulk = 30_000_000
/** Milliseconds. */
const cutMost = 5_000
const reloadEvery = 10_000
const revokeEvery = 3_000

/** Each is done by one after the other, until the end. */
export const lanes: Readonly<Record<string, (place: Place, signal: AbortSignal) => Promise<void>>> = {
  async 'logins'({ config, tally }) {
    const word = randomBytes(8).toString('hex')
    expect(await output('ssh', ['-F', config, 'gateway', `echo ${word}`]), `${word}\n`)
    tally.logins++
    await wait(100) // a load of some logins a second, and not all that the machine can do
  },
  async 'transfers down'({ config, tally }) {
    const script = `ssh -F "$1" gateway 'head -c ${bulk} /dev/zero' | wc -c`
    expect(await output('bash', ['-o', 'pipefail', '-c', script, 'bash', config]), `${bulk}\n`)
    tally.logins++
  },
  async 'transfers up'({ config, tally }) {
    const script = `head -c ${bulk} /dev/zero | ssh -F "$1" gateway 'wc -c'`
    expect(await output('bash', ['-o', 'pipefail', '-c', script, 'bash', config]), `${bulk}\n`)
    tally.logins++
  },
  async 'terminals'({ config, tally }, signal) {
    await using terminal = await Terminal.open(config, 'gateway', AbortSignal.timeout(60_000))
    tally.logins++
    for (let key = 0; key < 300 && !signal.aborted; key++) {
      await wait(20)
      await Promise.race([terminal.key(), late(10_000, 'a key’s echo')])
    }
  },
  async 'forwards'({ config, echo, tally }) {
    const text = randomBytes(200_000).toString('hex')
    expect(await output('ssh', ['-F', config, '-W', `127.0.0.1:${echo}`, 'gateway'], text), text)
    tally.logins++
    await wait(200)
  },
  'revocations': revokeOnce,
  async 'reloads'({ ground, gateway, echo }, signal) {
    await pause(reloadEvery, signal)
    if (signal.aborted) return
    const forwards = [`127.0.0.1:${echo}`]
    const next = await ground.nextBundle((data) => withForwards(another(Date.now())(data), forwards))
    await inForce(gateway, next)
    const { workspace } = ground // and the configuration, which is the same again
    renameSync(workspace.write('regate.yaml.next', workspace.read('regate.yaml')), workspace.path('regate.yaml'))
  },
}

type Data = Parameters<Parameters<Ground['nextBundle']>[0]>[0]
export const withForwards = (data: Data, forwards: readonly string[]): Data => ({
  ...data,
  access: { ...data.access, forwards },
})

let keys = 0
/** Somebody signs in with a key of their own, has a session, is revoked, sees it end, and comes in no more. */
async function revokeOnce({ ground, gateway, config, tally }: Place, signal: AbortSignal): Promise<void> {
  await pause(revokeEvery, signal)
  if (signal.aborted) return
  const key = ['-i', ground.workspace.key(`other-${keys++}`)]
  const known = new Set(await loginIds(gateway))
  await ground.signIn(config, key)
  tally.logins++
  const login = (await loginIds(gateway)).find((id) => !known.has(id))
  if (login === undefined) throw new Error('no login was kept')
  const session = begin(
    'ssh',
    ['-F', config, ...key, 'gateway', `echo ${go} >&2; cat /dev/zero`],
    go,
    AbortSignal.any([]),
  )
  const ended = session.timed.then(
    () => {},
    () => {},
  )
  try {
    await session.going
    tally.logins++
    const begun = performance.now()
    await revoke(gateway, login)
    await Promise.race([ended, late(cutMost, 'the end of a revoked login’s session')])
    tally.revocations.push(performance.now() - begun)
  } finally {
    session.stop()
    await ended
  }
  const { code } = await run('ssh', ['-F', config, ...key, '-o', 'BatchMode=yes', 'gateway', 'true'])
  if (code !== 255) throw new Error(`a revoked login came in: ssh ended with ${code}`)
}

async function output(command: string, args: readonly string[], input = ''): Promise<string> {
  const { code, signal, stdout, stderr } = await run(command, args, { input, seconds: 60 })
  if (code === 0) return stdout
  throw new Error(`${command} ${args.at(-1)} ended with ${code ?? signal}: ${stderr}`)
}

function expect(said: string, wanted: string): void {
  if (said !== wanted) throw new Error(`${said.length} bytes came, not the ${wanted.length} that should`)
}

async function late(milliseconds: number, what: string): Promise<never> {
  await wait(milliseconds, undefined, { ref: false })
  throw new Error(`${what} did not come within ${milliseconds} ms`)
}

/** Until then, or until the end. */
export const pause = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  wait(milliseconds, undefined, { signal }).catch(() => {})

/** Sends back what it gets, and ends when the other side does. */
export async function startEcho(): Promise<{ readonly port: number } & AsyncDisposable> {
  const server = createServer((socket) => void socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close()
    },
  }
}
