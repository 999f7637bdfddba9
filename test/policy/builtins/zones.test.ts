import assert from 'node:assert/strict'
import { test } from 'node:test'
import names from '../../../src/policy/builtins/zones.json' with { type: 'json' }
import { zoneNamed } from '../../../src/policy/builtins/zones.ts'

const summer2025 = Date.UTC(2025, 6, 17) / 1000
const winter2025 = Date.UTC(2025, 0, 17) / 1000

test('every name in the list opens a zone that has an abbreviation, in winter and in summer', () => {
  const nameless = Object.keys(names).filter((name) =>
    [winter2025, summer2025].some((at) => {
      const zone = zoneNamed(name)
      return zone.abbreviationAt(at, zone.offsetAt(at)) === undefined
    }),
  )
  assert.ok(Object.keys(names).length > 590)
  assert.deepEqual(nameless, [])
})

test('a name that stands for another is the same zone', () => {
  for (const at of [winter2025, summer2025]) {
    const [one, other] = [zoneNamed('US/Eastern'), zoneNamed('America/New_York')]
    assert.equal(one.offsetAt(at), other.offsetAt(at))
    assert.equal(one.abbreviationAt(at, one.offsetAt(at)), other.abbreviationAt(at, other.offsetAt(at)))
  }
})

test('nothing and UTC are UTC, Local is the zone of this process', () => {
  assert.equal(zoneNamed(''), zoneNamed('UTC'))
  const minutesWest = new Date(summer2025 * 1000).getTimezoneOffset()
  assert.equal(zoneNamed('Local').offsetAt(summer2025) + 60 * minutesWest, 0)
})

test('offsets before clocks were agreed on have seconds', () => {
  assert.equal(zoneNamed('Europe/Berlin').offsetAt(Date.UTC(1880, 0, 1) / 1000), 53 * 60 + 28)
  assert.equal(zoneNamed('Africa/Monrovia').offsetAt(Date.UTC(1971, 0, 1) / 1000), -(44 * 60 + 30))
})

test('an offset that the list has no name for has none', () => {
  assert.equal(zoneNamed('Europe/Berlin').abbreviationAt(summer2025, 1234), undefined)
})
