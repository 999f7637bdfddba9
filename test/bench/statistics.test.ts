import assert from 'node:assert/strict'
import { test } from 'node:test'
import { medianOf, quantileOf, rankTest, slopeOf } from '../../bench/statistics.ts'

type Point = { readonly x: number; readonly y: number }
const points = (...ys: readonly number[]): Point[] => ys.map((y, x) => ({ x, y }))
const none = Number.NaN

const slopes: readonly (readonly [rule: string, points: Point[], slope: number, error: number])[] = [
  ['a straight line has its slope, and no error', points(1, 3, 5, 7), 2, 0],
  ['what stays the same has none', points(4, 4, 4, 4, 4), 0, 0],
  ['noise is in the error', points(0, 2, 0, 2), 0.4, Math.sqrt(0.32)],
  ['two points say nothing of their error, and so nothing', points(1, 2), none, none],
  ['nor does none', [], none, none],
]
for (const [rule, given, slope, error] of slopes)
  test(`slope: ${rule}`, () => {
    const got = slopeOf(given)
    assert.deepEqual([got.slope.toFixed(9), got.error.toFixed(9)], [slope.toFixed(9), error.toFixed(9)])
  })

test('the median of an even number of values lies between the two in the middle', () => {
  assert.equal(medianOf([4, 1, 3, 2]), 2.5)
})

test('a quantile is a value that was measured, and not exceeded by its share', () => {
  const values = Array.from({ length: 200 }, (_, at) => 200 - at)
  assert.deepEqual(
    [0.5, 0.99, 1].map((part) => quantileOf(values, part)),
    [100, 198, 200],
  )
})

test('the rank test tells apart what differs, and not what does not', () => {
  const from = (first: number): number[] => Array.from({ length: 40 }, (_, at) => first + at * 2)
  assert.ok(rankTest(from(0), from(1)).p > 0.5)
  assert.ok(rankTest(from(0), from(60)).p < 1e-6)
})
