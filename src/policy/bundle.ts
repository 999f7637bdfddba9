import { readFile, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { extract } from 'tar-stream'
import { GatewayError } from '../model/errors.ts'
import { printable } from '../model/text.ts'

/** A policy as `opa build -t wasm` made it. */
export interface Bundle {
  /** `revision` of its manifest; empty when it has none. */
  readonly revision: string
  readonly module: WebAssembly.Module
  /** JSON text of the documents below `data`. */
  readonly data: string
}

/** Bytes: of the file, and of everything that is packed in it. */
const packedMost = 16 * 1024 * 1024
const unpackedMost = 64 * 1024 * 1024
const entriesMost = 2_000

/** Reads a `bundle.tar.gz`. Throws POLICY_BUNDLE, with what is wrong with it. */
export async function readBundle(path: string): Promise<Bundle> {
  try {
    const { size } = await stat(path)
    if (size > packedMost) throw unusable(`${size} bytes; at most ${packedMost} are read`)
    return await parseBundle(await readFile(path))
  } catch (thrown) {
    if (thrown instanceof GatewayError)
      throw new GatewayError(thrown.code, `${path}: ${thrown.message}`, { cause: thrown })
    throw new GatewayError('POLICY_BUNDLE', `${path}: ${printable((thrown as Error).message, 200)}`, { cause: thrown })
  }
}

/** The layout is OPA's (docs: Bundle File Format); names may begin with a slash, as `opa build` writes them. */
export async function parseBundle(packed: Buffer): Promise<Bundle> {
  const files = await unpack(packed)
  if (files.has('.signatures.json')) throw unusable('it is signed, and this version does not verify signatures')
  if (files.has('patch.json')) throw unusable('a delta bundle is not taken')
  const manifest = readManifest(files.get('.manifest'))
  const wasm = files.get(manifest.module)
  if (wasm === undefined) throw unusable(`no ${manifest.module} in it (build it with opa build -t wasm)`)
  return { revision: manifest.revision, module: await compile(wasm), data: JSON.stringify(mergeData(files)) }
}

async function unpack(packed: Buffer): Promise<Map<string, Buffer>> {
  const tar = await promisify(gunzip)(packed, { maxOutputLength: unpackedMost })
  const files = new Map<string, Buffer>()
  const entries = Readable.from([tar]).pipe(extract())
  for await (const entry of entries) {
    const name = entry.header.name.replace(/^\.?\//, '')
    const chunks: Buffer[] = []
    for await (const chunk of entry) chunks.push(chunk as Buffer)
    if (entry.header.type === 'directory') continue
    if (entry.header.type !== 'file' || name.split('/').includes('..'))
      throw unusable(`an entry that is no plain file: ${printable(name, 80)}`)
    if (files.has(name)) throw unusable(`an entry that comes twice: ${printable(name, 80)}`)
    if (files.size >= entriesMost) throw unusable(`more than ${entriesMost} entries`)
    files.set(name, Buffer.concat(chunks))
  }
  return files
}

function readManifest(bytes: Buffer | undefined): { revision: string; module: string } {
  if (bytes === undefined) return { revision: '', module: 'policy.wasm' }
  const manifest = readJson('.manifest', bytes) as { revision?: unknown; wasm?: { module?: unknown }[] }
  const revision = manifest.revision ?? ''
  const modules = new Set((manifest.wasm ?? []).map(({ module }) => module ?? '/policy.wasm'))
  const [module = '/policy.wasm'] = modules
  if (typeof revision !== 'string' || typeof module !== 'string') throw unusable('.manifest does not read')
  if (modules.size > 1) throw unusable('more than one WASM module')
  return { revision: printable(revision, 128), module: module.replace(/^\//, '') }
}

async function compile(wasm: Buffer): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(new Uint8Array(wasm))
  } catch (cause) {
    throw new GatewayError('POLICY_BUNDLE', 'the WASM module does not compile', { cause })
  }
}

/** The folder of a `data.json` is its place under `data`. */
function mergeData(files: ReadonlyMap<string, Buffer>): Record<string, unknown> {
  const root: Record<string, unknown> = {}
  for (const [name, bytes] of files) {
    if (/(^|\/)data\.ya?ml$/.test(name)) throw unusable(`${name}: data must be JSON`)
    if (!/(^|\/)data\.json$/.test(name)) continue
    const document = readJson(name, bytes)
    if (typeof document !== 'object' || document === null || Array.isArray(document))
      throw unusable(`${name} is no object`)
    const place = name.split('/').slice(0, -1).reduce(descend, root)
    for (const [key, value] of Object.entries(document)) define(place, key, value)
  }
  return root
}

function descend(place: Record<string, unknown>, step: string): Record<string, unknown> {
  if (!Object.hasOwn(place, step)) define(place, step, {})
  const next = place[step]
  if (typeof next !== 'object' || next === null || Array.isArray(next))
    throw unusable(`two documents at ${printable(step, 80)}`)
  return next as Record<string, unknown>
}

function define(place: Record<string, unknown>, key: string, value: unknown): void {
  if (Object.hasOwn(place, key)) throw unusable(`two documents at ${printable(key, 80)}`)
  Object.defineProperty(place, key, { value, enumerable: true, configurable: true, writable: true })
}

function readJson(name: string, bytes: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new GatewayError('POLICY_BUNDLE', `${name} is no JSON text`, { cause })
  }
}

const unusable = (what: string): GatewayError => new GatewayError('POLICY_BUNDLE', what)
