/**
 * Writes policies/capabilities.json: what a policy may call, made of what the installed OPA knows and the gateway serves.
 *
 *     node bin/capabilities.ts
 */
import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Capabilities, servedCapabilities } from '../src/policy/capabilities.ts'

const root = join(import.meta.dirname, '..')
const own = join(root, '.tools/bin/opa')
const current = execFileSync(existsSync(own) ? own : 'opa', ['capabilities', '--current'], { encoding: 'utf8' })
const served = servedCapabilities(JSON.parse(current) as Capabilities)
writeFileSync(join(root, 'policies/capabilities.json'), `${JSON.stringify(served, null, 2)}\n`)
