import { setTimeout as wait } from 'node:timers/promises'
import { toldToOwner } from '../../src/gateway/containment.ts'

export const fail = (): never => {
  throw new Error('injected')
}

/** Ways to fail in something that one leaves behind, where nothing catches it. */
export const leftBehind: Readonly<Record<string, () => void>> = {
  'timer': () => void setTimeout(fail, 1),
  'tick': () => process.nextTick(fail),
  'promise': () => void Promise.reject(new Error('injected')),
  'later promise': async () => {
    await wait(1)
    fail()
  },
  'signal': () => {
    const end = new AbortController()
    end.signal.addEventListener('abort', fail)
    end.abort()
  },
}

/** As `regate serve` does with what nothing caught. */
export const endByFaultsOfNobody = (): void =>
  void process.on('uncaughtException', (fault) => {
    if (toldToOwner(fault)) return
    console.log('nobody’s')
    process.exit(1)
  })
