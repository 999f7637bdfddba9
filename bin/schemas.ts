/**
 * Writes the JSON schemas of the policy contract, `policies/schemas/ssh/*.json`, from the types in src/model. With
 * `--check` it only says whether they are stale (exit code 1).
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PolicyInput } from '../src/model/context.ts'
import { Decision } from '../src/model/decision.ts'

const folder = join(import.meta.dirname, '..', 'policies', 'schemas', 'ssh')
const schemas = { input: PolicyInput, decision: Decision }
const stale: string[] = []
mkdirSync(folder, { recursive: true })
for (const [name, schema] of Object.entries(schemas)) {
  const path = join(folder, `${name}.json`)
  const text = `${JSON.stringify({ $schema: 'http://json-schema.org/draft-07/schema#', ...schema }, null, 2)}\n`
  if (read(path) === text) continue
  stale.push(path)
  if (!process.argv.includes('--check')) writeFileSync(path, text)
}
if (process.argv.includes('--check') && stale.length > 0) {
  console.error(`stale, run make schemas:\n${stale.join('\n')}`)
  process.exitCode = 1
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
