import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jump } from '../../../src/gateway/visit/jump.ts'
import { openFailureReason } from '../../../src/ssh/messages.ts'

const rows: [rule: string, host: string, port: number, open: number, taken: boolean][] = [
  ['a name', 'db1', 22, 0, true],
  ['a name of several labels', 'web.lab', 22, 0, true],
  ['any port: what it is worth is said inside', 'db1', 1, 0, true],
  ['the last one that there is room for', 'db1', 22, 9, true],
  ['one more', 'db1', 22, 10, false],
  ['an address', '10.0.0.1', 22, 0, false],
  ['an IPv6 address', '::1', 22, 0, false],
  ['an IPv6 address in brackets', '[::1]', 22, 0, false],
  ['upper case', 'DB1', 22, 0, false],
  ['a blank', 'db1 ', 22, 0, false],
  ['a path', '/run/ssh', 22, 0, false],
  ['nothing', '', 22, 0, false],
  ['a name that is too long', 'a'.repeat(64), 22, 0, false],
]
for (const [rule, host, port, open, taken] of rows)
  test(`${taken ? 'taken' : 'refused'}: ${rule}`, () => {
    const opening = jump({ host, port }, { open, most: 10, enter: () => {} })
    assert.equal(opening.outcome, taken ? 'taken' : 'refused')
    if (opening.outcome === 'refused')
      assert.equal(opening.reason, open < 10 ? openFailureReason.prohibited : openFailureReason.resourceShortage)
  })
