import { createRequire } from 'node:module'
import { GatewayError } from '../model/errors.ts'
import { printable } from '../model/text.ts'
import { BuiltinError } from './builtins/operands.ts'
import { builtins, nondeterministic } from './builtins/registry.ts'
import { checkJson } from './json-check.ts'
import { arrayValue, lookUp, stringValue, type Value } from './value.ts'
import { jsonText, readValue, regoText } from './value-text.ts'
import { policyFault } from './wasm-fault.ts'
import { type Address, type LinkedModule, link, type ModuleExports, readText } from './wasm-module.ts'

// The SDK's ES module has a default export that its types don't name; as CommonJS both have everything.
const { LoadedPolicy } = createRequire(import.meta.url)(
  '@open-policy-agent/opa-wasm',
) as typeof import('@open-policy-agent/opa-wasm')

export interface ModuleOptions {
  /** The most memory that the module may have, in pages of 64 KiB. */
  readonly memoryPages: number
  /**
   * What an error of a built-in function does. `fail`, the gateway's way: the evaluation ends, POLICY_BUILTIN_FAILED.
   * `undefined`, OPA's own: the call has no value, and a `not` over it is true.
   */
  readonly builtinErrors?: 'fail' | 'undefined'
}

/** OPA's `nd_builtin_cache`: by name, then by the JSON text of the arguments, the JSON text of what was answered. */
export type NdBuiltinCache = Record<string, Record<string, string>>

/** One evaluation, as far as it is not its input. */
export interface Occasion {
  /** What `time.now_ns()` says in it: nanoseconds since 1970. */
  readonly nowNs: bigint
  /** Filled with what non-deterministic functions answered, also when the evaluation then fails. */
  readonly ndBuiltinCache?: NdBuiltinCache
  /** Takes what the policy says by `print` and `trace`. */
  readonly note?: (text: string) => void
}

/** A policy ready to be asked. One question at a time; each starts from the same memory. */
export interface PolicyModule {
  readonly entrypoints: ReadonlySet<string>
  /** The document `data`, as JSON text. Throws POLICY_BUNDLE for what is no JSON, POLICY_MEMORY for too much. */
  setData(json: string): void
  /**
   * The JSON text of what the entrypoint is, its sets as sorted arrays; undefined when it has no value. Throws GatewayError:
   * POLICY_INPUT before the module sees the input, POLICY_CONFLICT, POLICY_BUILTIN_FAILED, POLICY_MEMORY, POLICY_FAILED.
   */
  evaluate(entrypoint: string, inputJson: string, occasion: Occasion): string | undefined
  /** The same as Rego has it. */
  evaluateToValue(entrypoint: string, inputJson: string, occasion: Occasion): Value | undefined
}

/** The built-in functions that the module calls its host for. */
export function requiredBuiltins(module: WebAssembly.Module, memoryPages: number): ReadonlySet<string> {
  return new Set(link(module, memoryPages, { call: () => 0, println: () => {} }).builtins.values())
}

/** Throws POLICY_BUNDLE for a module that is not OPA's, POLICY_BUILTIN_UNSERVED for one that needs what isn't served. */
export function instantiate(module: WebAssembly.Module, options: ModuleOptions): PolicyModule {
  const unserved = [...requiredBuiltins(module, options.memoryPages)].filter((name) => !builtins.has(name)).sort()
  if (unserved.length > 0)
    throw new GatewayError('POLICY_BUILTIN_UNSERVED', `not served: ${printable(unserved.join(', '), 300)}`)
  let data: string | undefined
  const make = (json: string | undefined) => new Instance(module, options, json)
  /** Absent after a failure, which leaves memory in the middle of something. */
  let instance: Instance | undefined = make(data)
  const { entrypoints } = instance

  const evaluateToValue: PolicyModule['evaluateToValue'] = (entrypoint, inputJson, occasion) => {
    if (!entrypoints.has(entrypoint))
      throw new GatewayError('POLICY_BUNDLE', `the module has no entrypoint ${printable(entrypoint, 120)}`)
    checkJson(inputJson, 'POLICY_INPUT')
    instance ??= make(data)
    try {
      return instance.evaluate(entrypoint, inputJson, occasion)
    } catch (thrown) {
      instance = undefined
      throw policyFault(thrown)
    }
  }
  return {
    entrypoints,
    setData(json) {
      checkJson(json, 'POLICY_BUNDLE')
      instance = make(json)
      data = json
    },
    evaluate(entrypoint, inputJson, occasion) {
      const value = evaluateToValue(entrypoint, inputJson, occasion)
      return value === undefined ? undefined : jsonText(value)
    },
    evaluateToValue,
  }
}

class Instance {
  readonly #linked: LinkedModule
  readonly #policy: InstanceType<typeof LoadedPolicy>
  readonly #builtinErrors: 'fail' | 'undefined'
  #occasion: Occasion = { nowNs: 0n }
  /** Rego text of the last result. */
  #answer = ''

  readonly entrypoints: ReadonlySet<string>

  /** Throws POLICY_MEMORY when there is no room for the data. */
  constructor(module: WebAssembly.Module, options: ModuleOptions, data: string | undefined) {
    const { memoryPages, builtinErrors = 'fail' } = options
    this.#builtinErrors = builtinErrors
    this.#linked = link(module, memoryPages, {
      call: (builtin, operands) => this.#call(builtin, operands),
      println: (text) => this.#occasion.note?.(printable(text)),
    })
    const { instance, memory, abiMinor } = this.#linked
    const exports = { ...instance.exports, opa_eval: this.#eval }
    try {
      this.#policy = new LoadedPolicy({ instance: { exports }, module }, memory, abiMinor)
      if (data !== undefined) this.#policy.setData(bytesOf(data))
    } catch (thrown) {
      throw policyFault(thrown)
    }
    this.entrypoints = new Set(Object.keys(this.#policy.entrypoints as Record<string, number>))
  }

  evaluate(entrypoint: string, inputJson: string, occasion: Occasion): Value | undefined {
    this.#occasion = occasion
    this.#policy.evaluate(bytesOf(inputJson), entrypoint)
    return singleResult(readValue(this.#answer))
  }

  /**
   * Stands in for the export that the SDK evaluates with. The SDK wants JSON and reads it with JSON.parse, which rounds
   * numbers and can't tell a set from an array; so the result is taken as Rego text here, and the SDK is left a `0`.
   */
  readonly #eval: ModuleExports['opa_eval'] = (...operands) => {
    const { exports, memory } = this.#linked
    const asRegoText = 1
    const at = exports.opa_eval(...operands.slice(0, 6), asRegoText)
    this.#answer = readText(memory, at)
    new Uint8Array(memory.buffer, at, 2).set([0x30, 0])
    return at
  }

  #call(builtin: number, addresses: readonly Address[]): Address {
    const name = this.#linked.builtins.get(builtin) ?? ''
    const run = builtins.get(name)
    if (run === undefined) throw new GatewayError('POLICY_BUILTIN_UNSERVED', `not served: ${printable(name, 120)}`)
    const operands = addresses.map((address) => this.#read(address))
    const { nowNs, note = () => {} } = this.#occasion
    try {
      const result = run(operands, { nowNs, note })
      if (nondeterministic.has(name)) this.#remember(name, operands, result)
      return this.#write(result)
    } catch (thrown) {
      if (!(thrown instanceof BuiltinError)) throw thrown
      if (this.#builtinErrors === 'undefined') return 0
      const message = `${name}: ${printable(thrown.message, 300)}`
      throw new GatewayError('POLICY_BUILTIN_FAILED', message, { cause: thrown })
    }
  }

  #remember(name: string, operands: readonly Value[], result: Value): void {
    const cache = this.#occasion.ndBuiltinCache
    if (cache === undefined) return
    cache[name] = { ...cache[name], [jsonText(arrayValue(operands))]: jsonText(result) }
  }

  #read(address: Address): Value {
    const { exports, memory } = this.#linked
    const text = exports.opa_value_dump(address)
    const value = readValue(readText(memory, text))
    exports.opa_free(text)
    return value
  }

  #write(value: Value): Address {
    const { exports, memory } = this.#linked
    const bytes = new TextEncoder().encode(regoText(value))
    const text = exports.opa_malloc(bytes.length)
    new Uint8Array(memory.buffer, text, bytes.length).set(bytes)
    const address = exports.opa_value_parse(text, bytes.length)
    exports.opa_free(text)
    if (address === 0)
      throw new GatewayError('POLICY_FAILED', 'the module did not read what a built-in function answered')
    return address
  }
}

/** The SDK takes JSON text as an ArrayBuffer, and only so an input that JavaScript calls falsy. */
const bytesOf = (json: string): ArrayBuffer => new Uint8Array(new TextEncoder().encode(json)).buffer

/** A module answers a set of `{"result": …}`: none when the entrypoint is undefined. */
function singleResult(rows: Value): Value | undefined {
  if (rows.type !== 'set') throw new GatewayError('POLICY_FAILED', 'the module answered no set of results')
  const [row] = rows.items
  if (row === undefined) return undefined
  if (rows.items.length > 1) throw new GatewayError('POLICY_FAILED', 'the entrypoint has more than one result')
  const result = row.type === 'object' ? lookUp(row, stringValue('result')) : undefined
  if (result === undefined) throw new GatewayError('POLICY_FAILED', 'the module answered no result')
  return result
}
