import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { parseExpiryTime } from '../../src/identity/expiry-time.ts'

const rows: [text: string, time: string | undefined][] = [
  ['20300102Z', '2030-01-02T00:00:00Z'],
  ['203001020304Z', '2030-01-02T03:04:00Z'],
  ['20300102030405Z', '2030-01-02T03:04:05Z'],
  ['20300102z', '2030-01-02T00:00:00Z'],
  ['20300102UTC', '2030-01-02T00:00:00Z'],
  ['20240229Z', '2024-02-29T00:00:00Z'],
  ['20230229Z', undefined],
  ['20300132Z', undefined],
  ['20301301Z', undefined],
  ['20300100Z', undefined],
  ['203001022400Z', undefined],
  ['203001020060Z', undefined],
  ['20300102000060Z', undefined],
  ['2030010203Z', undefined],
  ['203001020', undefined],
  ['00990101Z', undefined],
  ['19691231Z', undefined],
  ['2030-01-02', undefined],
  [' 20300102', undefined],
  ['20300102 ', undefined],
  ['20300102+01', undefined],
  ['', undefined],
]
for (const [text, time] of rows)
  test(`${JSON.stringify(text)} is ${time ?? 'no time'}`, () =>
    assert.equal(parseExpiryTime(text), time === undefined ? undefined : Date.parse(time) / 1000))

test('without a Z it is the time of the zone that the process runs in', () => {
  const script = `import { parseExpiryTime } from ${JSON.stringify(new URL('../../src/identity/expiry-time.ts', import.meta.url).href)}
    console.log(['20300102', '203007010000', '20300102Z'].map(parseExpiryTime).join(' '))`
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, TZ: 'Europe/Berlin' },
    encoding: 'utf8',
  })
  const expected = ['2030-01-01T23:00:00Z', '2030-06-30T22:00:00Z', '2030-01-02T00:00:00Z']
  assert.equal(out.trim(), expected.map((time) => Date.parse(time) / 1000).join(' '))
})
