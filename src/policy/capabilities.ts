import { builtins } from './builtins/registry.ts'

/** What `opa capabilities` writes, as far as it matters here. */
export interface Capabilities {
  readonly builtins: readonly Declaration[]
  readonly future_keywords?: readonly string[]
  readonly features?: readonly string[]
  readonly wasm_abi_versions?: readonly unknown[]
  readonly allow_net?: readonly string[]
}
export interface Declaration {
  readonly name: string
  readonly decl: unknown
  readonly infix?: string
  readonly deprecated?: boolean
  readonly nondeterministic?: boolean
  readonly relation?: boolean
}

/** What the compiler turns into something else, so that no module ever calls it. */
const compiled = ['assign', 'eq', 'internal.test_case', 'print', 'rego.metadata.chain', 'rego.metadata.rule']

/** Functions that `opa build -t wasm` has code for in the module itself (OPA 1.22.2: internal/compiler/wasm, builtinsFunctions). */
const native = `
  abs array.concat array.flatten array.reverse array.slice and base64.decode base64.encode base64.is_valid base64url.decode
  base64url.encode bits.and bits.lsh bits.negate bits.or bits.rsh bits.xor ceil concat contains count div endswith equal
  floor format_int glob.match graph.reachable gt gte indexof internal.member_2 internal.member_3 internal.template_string
  intersection is_array is_boolean is_null is_number is_object is_set is_string json.filter json.is_valid json.marshal
  json.remove json.unmarshal lower lt lte max min minus mul neq net.cidr_contains net.cidr_intersects numbers.range
  object.filter object.get object.keys object.remove object.union object.union_n or plus product
  regex.find_all_string_submatch_n regex.is_valid regex.match rem replace round sort split startswith strings.replace_n
  strings.reverse substring sum to_number trim trim_left trim_prefix trim_right trim_space trim_suffix type_name union
  upper walk`
  .trim()
  .split(/\s+/)

/**
 * Native functions that are left out all the same: they answer where OPA has no answer, and what a policy then takes for
 * checked, or for decoded, is not. docs/built-ins.md tells what each of them takes.
 */
export const misleading: ReadonlySet<string> = new Set([
  'base64.decode',
  'base64.is_valid',
  'base64url.decode',
  'json.is_valid',
])

/** Where a function is that a policy may call: compiled away, in the module, or in the gateway. */
export function placeOf(name: string): 'compiler' | 'module' | 'gateway' | undefined {
  if (builtins.has(name)) return 'gateway'
  if (compiled.includes(name)) return 'compiler'
  return native.includes(name) && !misleading.has(name) ? 'module' : undefined
}

/**
 * Of what an OPA can do, what the gateway serves: with it `opa check` and `opa build` refuse a policy that calls anything
 * else. Throws when the gateway serves something that this OPA doesn't know, and so under another contract.
 */
export function servedCapabilities(current: Capabilities): Capabilities {
  const known = new Set(current.builtins.map(({ name }) => name))
  const unknown = [...builtins.keys(), ...native, ...compiled].filter((name) => !known.has(name))
  if (unknown.length > 0) throw new Error(`this OPA has no ${unknown.join(', ')}`)
  return {
    ...current,
    builtins: current.builtins
      .filter(({ name }) => placeOf(name) !== undefined)
      .map(({ name, decl, infix, nondeterministic, relation }) => ({
        name,
        decl: withoutDescriptions(decl),
        ...(infix === undefined ? {} : { infix }),
        ...(nondeterministic === undefined ? {} : { nondeterministic }),
        ...(relation === undefined ? {} : { relation }),
      })),
    // Neither `http.send`, which isn't served, nor a schema may fetch anything.
    allow_net: [],
  }
}

/** The compiler reads types; the prose is in OPA's own documentation. */
function withoutDescriptions(decl: unknown): unknown {
  if (Array.isArray(decl)) return decl.map(withoutDescriptions)
  if (typeof decl !== 'object' || decl === null) return decl
  const kept = Object.entries(decl).filter(([key, held]) => key !== 'description' || typeof held !== 'string')
  return Object.fromEntries(kept.map(([key, held]) => [key, withoutDescriptions(held)]))
}
