import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { opa } from '../support/opa.ts'

/** A case of OPA's own conformance tests (v1/test/cases of its sources), as far as it is judged here. */
export interface Case {
  readonly note: string
  /** Rego, of which the variables are bound. */
  readonly query: string
  readonly modules?: readonly string[]
  readonly data?: unknown
  readonly input?: unknown
  /** Rego; in place of `input`. */
  readonly input_term?: string
  /** Rows of variables; integers are bigint. */
  readonly want_result?: readonly Readonly<Record<string, unknown>>[]
  readonly want_error?: string
  readonly want_error_code?: string
  /** The error is one only when built-in functions may make any: else there is a result. */
  readonly strict_error?: boolean
  /** The order of a list does not count. */
  readonly sort_bindings?: boolean
}

const module = 'github.com/open-policy-agent/opa'

/** The cases of a topic, which is a folder. */
export async function casesOf(topic: string): Promise<Case[]> {
  const folder = join(await sources(), 'v1/test/cases/testdata/v1', topic)
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'))
  return files.flatMap((name) => {
    const document = parse(readFileSync(join(folder, name), 'utf8'), { intAsBigInt: true }) as { cases?: Case[] } | null
    return document?.cases ?? []
  })
}

let found: Promise<string> | undefined

/** The sources of the OPA that is installed, from Go's cache of modules; fetched when they aren't there. */
function sources(): Promise<string> {
  found ??= findSources()
  return found
}

async function findSources(): Promise<string> {
  const version = /^Version: (\S+)$/m.exec(await opa('version'))?.[1]
  const name = `${module}@v${version}`
  const cached = join(process.env.GOMODCACHE ?? join(process.env.GOPATH ?? join(homedir(), 'go'), 'pkg/mod'), name)
  if (existsSync(cached)) return cached
  try {
    // Outside of any module of Go.
    const { stdout } = await promisify(execFile)('go', ['mod', 'download', '-json', name], { cwd: tmpdir() })
    return (JSON.parse(stdout) as { Dir: string }).Dir
  } catch (cause) {
    throw new Error(`OPA's conformance cases are in ${name}: put it into ${cached}, or install Go to have it fetched`, {
      cause,
    })
  }
}
