import { GatewayError } from '../model/errors.ts'
import { printable } from '../model/text.ts'
import { ModuleAbort } from './wasm-fault.ts'

/** Address of something in a module's memory; 0 is nothing. */
export type Address = number

/** What a module of OPA exports (docs: WebAssembly, ABI 1.2 and later), as far as the gateway calls it. */
export interface ModuleExports {
  readonly opa_wasm_abi_version: WebAssembly.Global
  readonly opa_wasm_abi_minor_version: WebAssembly.Global
  opa_malloc(bytes: number): Address
  opa_free(address: Address): void
  opa_json_dump(value: Address): Address
  opa_value_dump(value: Address): Address
  opa_value_parse(text: Address, bytes: number): Address
  builtins(): Address
  opa_eval(...operands: readonly number[]): Address
}

/** What a module asks of its host. */
export interface Host {
  /** Answers the address of the result, 0 for undefined. */
  call(builtin: number, operands: readonly Address[]): Address
  println(text: string): void
}

export interface LinkedModule {
  readonly instance: WebAssembly.Instance
  readonly exports: ModuleExports
  readonly memory: WebAssembly.Memory
  readonly abiMinor: number
  /** The built-in functions that the module calls its host for, by number. */
  readonly builtins: ReadonlyMap<number, string>
}

/** Pages of 64 KiB that a module has from the start; it takes more as it needs them. */
const pagesAtFirst = 32

/** Makes an instance with its own memory. Throws POLICY_BUNDLE for what is no module of OPA, or has no room in its memory. */
export function link(module: WebAssembly.Module, memoryPages: number, host: Host): LinkedModule {
  const memory = new WebAssembly.Memory({ initial: Math.min(pagesAtFirst, memoryPages), maximum: memoryPages })
  try {
    const instance = new WebAssembly.Instance(module, { env: importsFor(memory, host) })
    const exports = instance.exports as unknown as ModuleExports
    const abiMinor = readAbi(exports)
    const names = JSON.parse(readText(memory, exports.opa_json_dump(exports.builtins()))) as Record<string, number>
    const builtins = new Map(Object.entries(names).map(([name, number]) => [number, name]))
    return { instance, exports, memory, abiMinor, builtins }
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause
    const message = printable(cause instanceof Error ? cause.message : String(cause), 200)
    throw new GatewayError('POLICY_BUNDLE', `the module does not start with ${memoryPages} pages: ${message}`, {
      cause,
    })
  }
}

function importsFor(memory: WebAssembly.Memory, host: Host): Record<string, unknown> {
  // Each has the number of the function and a context, which is always 0, before the operands.
  const call = (builtin: number, _context: number, ...operands: readonly Address[]) => host.call(builtin, operands)
  return {
    memory,
    opa_abort: (text: Address) => {
      throw new ModuleAbort(readText(memory, text))
    },
    opa_println: (text: Address) => host.println(readText(memory, text)),
    opa_builtin0: call,
    opa_builtin1: call,
    opa_builtin2: call,
    opa_builtin3: call,
    opa_builtin4: call,
  }
}

function readAbi(exports: ModuleExports): number {
  const [major, minor] = [exports.opa_wasm_abi_version?.value, exports.opa_wasm_abi_minor_version?.value] as unknown[]
  if (major !== 1 || typeof minor !== 'number' || minor < 2)
    throw new GatewayError('POLICY_BUNDLE', `the module's ABI is ${major}.${minor}; 1.2 or a later 1 is taken`)
  return minor
}

/** UTF-8 up to the first 0. */
export function readText(memory: WebAssembly.Memory, at: Address): string {
  const bytes = Buffer.from(memory.buffer)
  return bytes.toString('utf8', at, bytes.indexOf(0, at))
}
