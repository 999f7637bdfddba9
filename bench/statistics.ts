/** The value that the share `part` (0 to 1) of all values does not exceed; NaN for none. */
export function quantileOf(values: ArrayLike<number>, part: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN
}

/** The one in the middle, or halfway between the two that are. */
export function medianOf(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort()
  const middle = (sorted.length - 1) / 2
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2
}

/** The straight line through some points by least squares: what y rises by for each x, and the standard error of that; NaN for fewer than three. */
export function slopeOf(points: readonly { readonly x: number; readonly y: number }[]): {
  readonly slope: number
  readonly error: number
} {
  const count = points.length
  if (count < 3) return { slope: Number.NaN, error: Number.NaN }
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / count
  const [x0, y0] = [mean(points.map(({ x }) => x)), mean(points.map(({ y }) => y))]
  const spread = points.reduce((sum, { x }) => sum + (x - x0) ** 2, 0)
  const slope = points.reduce((sum, { x, y }) => sum + (x - x0) * (y - y0), 0) / spread
  const rest = points.reduce((sum, { x, y }) => sum + (y - y0 - slope * (x - x0)) ** 2, 0)
  return { slope, error: Math.sqrt(rest / (count - 2) / spread) }
}

/**
 * Mann and Whitney's test, by the normal approximation: how far the ranks of two samples are from those of one population, in
 * standard deviations, and how probable it is to be that far or further. For some dozens of values that are hardly ever equal.
 */
export function rankTest(one: readonly number[], other: readonly number[]): { readonly z: number; readonly p: number } {
  const [n, m] = [one.length, other.length]
  const all = [...one, ...other].sort((a, b) => a - b)
  // Equal values share the middle one of their ranks.
  const rank = (value: number): number => (all.indexOf(value) + all.lastIndexOf(value)) / 2 + 1
  const u = one.reduce((sum, value) => sum + rank(value), 0) - (n * (n + 1)) / 2
  const z = (u - (n * m) / 2) / Math.sqrt((n * m * (n + m + 1)) / 12)
  return { z, p: 2 * upperTail(Math.abs(z)) }
}

/** Of the standard normal distribution, beyond `z` >= 0 (Abramowitz and Stegun 26.2.17: within 7.5e-8). */
function upperTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z)
  const series = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series
}
