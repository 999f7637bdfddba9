/** Writes docs/policy-reference.md anew; test/house/policy-reference.test.ts says when that is due. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { policyReference } from './reference/page.ts'

const root = join(import.meta.dirname, '..')
writeFileSync(join(root, 'docs', 'policy-reference.md'), policyReference(root))
