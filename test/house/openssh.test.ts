import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { cutFrom } from '../openssh/amended.ts'
import { leftOut, scripts } from '../openssh/scripts.ts'

/* What docs/conformance.md says of OpenSSH's own scripts is what `make test-openssh` runs, and leaves out. */
const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'conformance.md'), 'utf8')
const named = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ')

test('the scripts that pass', () =>
  assert.ok(
    page.includes(`${scripts.length} pass:\n\n${named(scripts)}.`),
    `${scripts.length} pass: ${named(scripts)}`,
  ))

test('and those that are left out, with the reason', () => {
  for (const [script, why] of Object.entries(cutFrom)) assert.ok(page.includes(`| \`${script}\` | ${why}`), script)
  for (const [why, names] of Object.entries(leftOut)) assert.ok(page.includes(`| ${why} | ${named(names)} |`), why)
})

test('none is both', () => {
  const out = Object.values(leftOut).flat()
  assert.deepEqual(
    scripts.filter((name) => out.includes(name)),
    [],
  )
})
