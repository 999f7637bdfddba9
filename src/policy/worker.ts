import { parentPort, workerData } from 'node:worker_threads'
import { asGatewayError, type ErrorCode } from '../model/errors.ts'
import { instantiate, type NdBuiltinCache, type PolicyModule } from './wasm.ts'

/*
 * What runs in a policy's thread: one module, one question at a time, an answer to each. The pool keeps the time, and ends
 * the thread of a question that takes too much of it.
 */
export interface WorkerSettings {
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
/** Said once, before the first question. */
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

function greet({ module, data, memoryPages }: WorkerSettings): PolicyModule | undefined {
  try {
    const policy = instantiate(module, { memoryPages })
    policy.setData(data)
    parentPort?.postMessage({ entrypoints: [...policy.entrypoints] } satisfies Greeting)
    return policy
  } catch (thrown) {
    parentPort?.postMessage(fault(thrown) satisfies Greeting)
    return undefined
  }
}

const policy = greet(workerData as WorkerSettings)
if (policy !== undefined)
  parentPort?.on('message', (question: Question) => parentPort?.postMessage(answer(policy, question)))
