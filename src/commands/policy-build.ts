import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { GatewayError } from '../model/errors.ts'
import { findProject } from '../project.ts'

export interface BuildOptions {
  readonly policies: string
  readonly output: string
  /** Path of the OPA program; looked for when absent. */
  readonly opa?: string
}

/** Folders below `policies` that OPA is given: what else lies there (schemas, capabilities) is about them. */
const roots = ['ssh', 'access', 'system', 'data']

/**
 * Checks the policies against the schemas and compiles them to WASM. The revision is a hash of what went in, so that two
 * builds of the same files with the same OPA are the same bytes.
 */
export function buildBundle({ policies, output, opa = findOpa() }: BuildOptions): { revision: string } {
  // OPA is run inside the folder: the names in the bundle, and so its bytes, do not depend on where that lies.
  const inputs = roots.filter((root) => existsSync(join(policies, root)))
  if (inputs.length === 0) throw new GatewayError('POLICY_BUNDLE', `${policies} holds none of ${roots.join(', ')}`)
  const revision = revisionOf(policies)
  const capabilities = ['--capabilities', 'capabilities.json']
  const run = (args: readonly string[]): void => runOpa(opa, args, policies)
  run(['check', '--strict', '--schema', 'schemas', ...capabilities, ...inputs])
  mkdirSync(dirname(output), { recursive: true })
  const ignore = ['--ignore', '*_test.rego']
  run([
    'build',
    '--target',
    'wasm',
    ...capabilities,
    ...ignore,
    '--revision',
    revision,
    '--output',
    resolve(output),
    ...inputs,
  ])
  return { revision }
}

/** SHA-256 over names and contents, in the order of the names; tests do not count. */
function revisionOf(policies: string): string {
  const hash = createHash('sha256')
  const files = readdirSync(policies, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('_test.rego'))
    .map((entry) => relative(policies, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((name) => roots.some((root) => name.startsWith(`${root}/`)))
    .toSorted()
  for (const name of files)
    hash
      .update(`${name}\0`)
      .update(readFileSync(join(policies, name)))
      .update('\0')
  return hash.digest('hex').slice(0, 16)
}

function runOpa(opa: string, args: readonly string[], folder: string): void {
  const { status, error, stdout, stderr } = spawnSync(opa, args, { encoding: 'utf8', cwd: folder })
  if (error !== undefined) throw new GatewayError('POLICY_BUNDLE', `${opa} could not be run: ${error.message}`)
  if (status !== 0) throw new GatewayError('POLICY_BUNDLE', `opa ${args[0]} failed:\n${`${stdout}${stderr}`.trim()}`)
}

function findOpa(): string {
  const own = join(findProject(), '.tools', 'bin', 'opa')
  return existsSync(own) ? own : 'opa'
}
