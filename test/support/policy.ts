import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { opaPath } from './opa.ts'
import type { Workspace } from './workspace.ts'

/** The beginning of a policy: strangers are sent to sign in. */
export const strangersSignIn = `package ssh

# METADATA
# entrypoint: true
# scope: document
decision := {"version": "ssh/v1", "outcome": "challenge", "require": [{"type": "login"}]} if not input.identity
`

/** Compiles one file of Rego, whose entrypoints are annotated, into a bundle; with the shipped rule for the HTTP API. */
export function buildPolicy(workspace: Workspace, rego: string, name: string): string {
  const file = workspace.write(`${name}.rego`, rego)
  const authz = join(import.meta.dirname, '..', '..', 'policies', 'system', 'authz.rego')
  const output = workspace.path(name)
  execFileSync(opaPath(), ['build', '--target', 'wasm', '--revision', name, '--output', output, file, authz], {
    stdio: 'pipe',
    timeout: 80_000, // else nothing would say that it is this which hangs: the process stands still
  })
  return output
}
