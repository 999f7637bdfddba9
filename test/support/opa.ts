import { execFile } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { type Bundle, readBundle } from '../../src/policy/bundle.ts'

const root = join(import.meta.dirname, '../..')
const shipped = join(root, 'policies/capabilities.json')

/** The OPA program: the checkout's own, or the one on the PATH. Throws when there is neither. */
export function opaPath(): string {
  const own = join(root, '.tools/bin/opa')
  if (existsSync(own)) return own
  for (const folder of (process.env.PATH ?? '').split(delimiter))
    try {
      const path = join(folder, 'opa')
      accessSync(path, constants.X_OK)
      return path
    } catch {}
  throw new Error('this test needs OPA: run `bin/setup opa`, or put opa on the PATH')
}

/** What it prints. Throws with what it prints of errors. */
export async function opa(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(opaPath(), args, { maxBuffer: 64 * 1024 * 1024 }).catch(
    (error: Error & { stdout?: string; stderr?: string }) => {
      throw new Error(`opa ${args[0]}: ${error.stderr ?? ''}${error.stdout ?? ''}` || error.message)
    },
  )
  return stdout
}

export interface Sources {
  /** Rego. */
  readonly modules: readonly string[]
  readonly entrypoints: readonly string[]
  /** The document `data`. */
  readonly data?: string
  /** What the policy may call: what is shipped as served, or all that this OPA knows. */
  readonly calls?: 'served' | 'all'
}

/** Compiles Rego as the gateway's own policies are compiled. */
export async function compileRego({ modules, entrypoints, data, calls = 'served' }: Sources): Promise<Bundle> {
  const folder = await mkdtemp(join(tmpdir(), 'regate-rego-'))
  try {
    await Promise.all(modules.map((text, at) => writeFile(join(folder, `policy${at}.rego`), text)))
    if (data !== undefined) await writeFile(join(folder, 'data.json'), data)
    const bundle = join(folder, 'bundle.tar.gz')
    const flags = entrypoints.flatMap((entrypoint) => ['--entrypoint', entrypoint])
    if (calls === 'served') flags.push('--capabilities', shipped)
    await opa('build', '--target', 'wasm', ...flags, '--output', bundle, folder)
    return await readBundle(bundle)
  } finally {
    await rm(folder, { recursive: true })
  }
}
