import fc, { type Arbitrary } from 'fast-check'
import {
  arrayValue,
  booleanValue,
  integerValue,
  nullValue,
  numberValue,
  objectValue,
  setValue,
  stringValue,
  type Value,
} from '../../../src/policy/value.ts'

/** Strings with what quoting, searching and counting stumble over. */
export const text = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.string({
    unit: fc.constantFrom(...Array.from('abä€😀 /~"\\`\n\u0000\u007f\u00ad\u200b\u{e0001}\ufeff\uffff')),
    maxLength: 6,
  }),
)
export const string = text.map(stringValue)
export const few = fc.string({ unit: fc.constantFrom('a', 'b', 'é'), maxLength: 4 }).map(stringValue)

export const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
export const small = fc.integer({ min: -3, max: 12 }).map(integerValue)
const float = fc
  .oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }),
    fc.integer({ min: -9999, max: 9999 }).map((number) => number / 8),
  )
  // With a point or an exponent, which is what makes it a float to Go.
  .map((number) => (/[.e]/.test(`${number}`) ? `${number}` : `${number}.0`).replace('e+', 'e'))
export const number = fc.oneof(
  small,
  int64.map(integerValue),
  fc.bigInt({ min: -(2n ** 90n), max: 2n ** 90n }).map(integerValue),
  float.map(numberValue),
)
const scalar = fc.oneof(string, number, fc.boolean().map(booleanValue), fc.constant(nullValue))

export const value: Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }).map(arrayValue),
    fc.array(tie('value'), { maxLength: 3 }).map(setValue),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map(objectValue),
  ),
})).value
/** Values of which many are equal, and hold each other. */
export const alikeWith = (...holders: readonly ('array' | 'set' | 'object')[]): Arbitrary<Value> =>
  fc.letrec<{ alike: Value }>((tie) => ({
    alike: fc.oneof(
      { depthSize: 'small' },
      fc.integer({ min: 0, max: 2 }).map(integerValue),
      fc.constantFrom('a', 'b').map(stringValue),
      ...holders.map((holder): Arbitrary<Value> => {
        if (holder === 'object')
          return fc
            .array(fc.tuple(fc.constantFrom('a', 'b').map(stringValue), tie('alike')), { maxLength: 3 })
            .map(objectValue)
        const items = fc.array(tie('alike'), { maxLength: 3 })
        return holder === 'array' ? items.map(arrayValue) : items.map(setValue)
      }),
    ),
  })).alike
export const alike = alikeWith('array', 'set', 'object')
