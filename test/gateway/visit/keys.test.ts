import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Key, Keys } from '../../../src/gateway/visit/keys.ts'

const said = (keys: readonly Key[]): string[] => keys.map((key) => (key.kind === 'text' ? key.text : key.kind))

const rows: [rule: string, bytes: string, keys: string[]][] = [
  ['letters are themselves', 'db 1', ['d', 'b', ' ', '1']],
  ['either end of a line is Enter', '\r\n', ['enter', 'enter']],
  ['arrows in either mode of a terminal', '\x1b[A\x1bOB', ['up', 'down']],
  ['keys with numbers', '\x1b[5~\x1b[6~\x1b[1~\x1b[4~', ['page-up', 'page-down', 'home', 'end']],
  ['what no key sends is dropped whole', 'a\x1b[99;99Rb\x1b[200~c', ['a', 'b', 'c']],
  ['ALT and a key are no key', '\x1bq', []],
  ['but Ctrl-C after ESC is one', '\x1b\x03', ['interrupt']],
  ['two ESC are one at least', '\x1b\x1b', ['escape']],
  ['an ESC within a sequence begins another', '\x1b[1\x1b[A', ['up']],
  ['a sequence without an end is given up', `\x1b[${'1'.repeat(40)}`, [...'1'.repeat(24)]],
  ['bytes beyond ASCII are no keys', 'é\u0085\u009b', []],
  ['both keys that erase', '\x7f\b', ['backspace', 'backspace']],
]
for (const [rule, bytes, keys] of rows)
  test(rule, () => assert.deepEqual(said(new Keys().read(Buffer.from(bytes, 'latin1'))), keys))

test('a lone ESC is one once nothing has followed', () => {
  const keys = new Keys()
  assert.deepEqual([said(keys.read(Buffer.from('\x1b'))), keys.isOpen], [[], true])
  assert.deepEqual([said(keys.settle()), keys.isOpen], [['escape'], false])
})

test('the same keys come of the same bytes, whatever pieces they come in', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('\x1b', '[', 'O', 'A', '5', '~', 'q', '\r', '\x03', ';')),
      fc.nat(),
      (bytes, cut) => {
        const whole = Buffer.from(bytes.join(''))
        const keys = new Keys()
        const at = cut % (whole.length + 1)
        assert.deepEqual(
          [...keys.read(whole.subarray(0, at)), ...keys.read(whole.subarray(at))],
          new Keys().read(whole),
        )
      },
    ),
  )
})
