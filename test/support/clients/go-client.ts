import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../process.ts'

const source = join(import.meta.dirname, 'go')
const kept = join(import.meta.dirname, '..', '..', '..', '.tools', 'clients')

/** The client of golang.org/x/crypto, compiled once and kept under the hash of what it is made from. */
export async function goClient(): Promise<string> {
  const hash = createHash('sha256')
  for (const name of ['main.go', 'go.mod', 'go.sum']) hash.update(readFileSync(join(source, name)))
  const program = join(kept, `go-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(program)) return program
  console.error(
    'setup: compiling the client of golang.org/x/crypto into .tools/clients (go build, which fetches the modules)',
  )
  mkdirSync(kept, { recursive: true })
  const built = await run('go', ['build', '-o', program, '.'], { cwd: source, seconds: 300 })
  if (built.code !== 0) throw new Error(`the Go client does not compile:\n${built.stderr}`)
  return program
}
