import { parentPort } from 'node:worker_threads'
import { asGatewayError, type ErrorCode, GatewayError } from '../model/errors.ts'
import { instantiate, type NdBuiltinCache, type PolicyModule } from './wasm.ts'

/*
 * What runs in a policy's thread: one module at a time, one question at a time, an answer to each. The pool keeps the time,
 * and ends the thread of a question that takes too much of it.
 */
export interface Load {
  readonly module: WebAssembly.Module
  /** JSON text. */
  readonly data: string
  readonly memoryPages: number
}
export interface Question {
  readonly entrypoint: string
  /** JSON text. */
  readonly input: string
  /** Nanoseconds since 1970, in decimal. */
  readonly nowNs: string
}
/** `result` is JSON text, absent when the entrypoint is undefined. */
export type Answer = {
  readonly builtins: NdBuiltinCache
  /** How long the evaluation ran. */
  readonly nanoseconds: number
} & ({ readonly result?: string } | { readonly error: { readonly code: ErrorCode; readonly message: string } })
export type Order = { readonly load: Load } | Question
/** Said when the thread has its code, without entrypoints, and of each module that was loaded. */
export type Greeting =
  | { readonly entrypoints: readonly string[] }
  | { readonly error: { readonly code: ErrorCode; readonly message: string } }

function answer(policy: PolicyModule, { entrypoint, input, nowNs }: Question): Answer {
  const ndBuiltinCache: NdBuiltinCache = {}
  const begun = process.hrtime.bigint()
  const passed = (): number => Number(process.hrtime.bigint() - begun)
  try {
    const result = policy.evaluate(entrypoint, input, { nowNs: BigInt(nowNs), ndBuiltinCache })
    return { builtins: ndBuiltinCache, nanoseconds: passed(), ...(result === undefined ? {} : { result }) }
  } catch (thrown) {
    return { builtins: ndBuiltinCache, nanoseconds: passed(), ...fault(thrown) }
  }
}

function fault(thrown: unknown) {
  const { code, message } = asGatewayError(thrown, 'POLICY_FAILED', 'the evaluation did not finish')
  return { error: { code, message } }
}

let policy: PolicyModule | undefined

function load({ module, data, memoryPages }: Load): Greeting {
  policy = undefined // its memory may go
  try {
    const next = instantiate(module, { memoryPages })
    next.setData(data)
    policy = next
    return { entrypoints: [...next.entrypoints] }
  } catch (thrown) {
    return fault(thrown)
  }
}

const nothing = new GatewayError('POLICY_MISSING', 'no bundle is loaded')

parentPort?.on('message', (order: Order) => {
  if ('load' in order) parentPort?.postMessage(load(order.load))
  else if (policy === undefined) parentPort?.postMessage({ builtins: {}, nanoseconds: 0, ...fault(nothing) })
  else parentPort?.postMessage(answer(policy, order))
})
parentPort?.postMessage({ entrypoints: [] } satisfies Greeting)
