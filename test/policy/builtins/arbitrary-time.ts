import fc, { type Arbitrary } from 'fast-check'
import { arrayValue, integerValue, numberValue, stringValue, type Value } from '../../../src/policy/value.ts'
import { int64, number, small, value } from './arbitrary.ts'

/** Where the sources that OPA and Node have agree on the years below, whatever they were packed from. */
const zone = fc
  .constantFrom(
    ...[
      'Europe/Berlin',
      'Europe/London',
      'Europe/Moscow',
      'America/New_York',
      'America/Los_Angeles',
      'America/Sao_Paulo',
    ],
    ...[
      'Asia/Tokyo',
      'Asia/Kolkata',
      'Asia/Kathmandu',
      'Australia/Lord_Howe',
      'Pacific/Auckland',
      'Africa/Cairo',
      'US/Eastern',
    ],
    ...['', 'UTC', 'europe/berlin', 'Nowhere/None', '+01:00', '../UTC'],
  )
  .map(stringValue)
const secondsFrom = (first: string, last: string): Arbitrary<Value> =>
  fc
    .tuple(
      fc.integer({ min: Date.parse(first) / 1000, max: Date.parse(last) / 1000 }),
      fc.constantFrom(0, 1, 500_000_000, 999_999_999),
    )
    .map(([seconds, ns]) => integerValue(BigInt(seconds) * 1_000_000_000n + BigInt(ns)))
const ns = fc.oneof(
  secondsFrom('1900-01-01', '2100-01-01'),
  int64.map(integerValue),
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }).map(integerValue),
  number,
)
const settled = secondsFrom('1980-01-02', '2024-12-31')

const elements = [
  'January',
  'Jan',
  '1',
  '01',
  'Monday',
  'Mon',
  '2',
  '_2',
  '02',
  '__2',
  '002',
  '15',
  '3',
  '03',
  '4',
  '04',
  '5',
  '05',
  '2006',
  '06',
  'PM',
  'pm',
  'MST',
]
const offsets = ['Z0700', 'Z070000', 'Z07', 'Z07:00', 'Z07:00:00', '-0700', '-070000', '-07', '-07:00', '-07:00:00']
const fractions = ['.0', '.000', ',000000', '.9', '.999', ',999999999']
const named = [
  'ANSIC',
  'UnixDate',
  'RubyDate',
  'RFC822',
  'RFC822Z',
  'RFC850',
  'RFC1123',
  'RFC1123Z',
  'RFC3339',
  'RFC3339Nano',
]
const layoutPart = fc.oneof(
  { arbitrary: fc.constantFrom(...elements, ...offsets, ...fractions), weight: 6 },
  fc.constantFrom(' ', '-', 'T', ':', '_', 'x', '0', '9', 'Jane', 'ä'),
)
const layout = fc.oneof(
  fc.constantFrom(...named),
  fc.array(layoutPart, { maxLength: 7 }).map((parts) => parts.join('')),
  fc.array(layoutPart, { maxLength: 5 }).map((parts) => parts.join(' ')),
)

const instantOf = (time: Arbitrary<Value>, place: Arbitrary<Value>): Arbitrary<Value> =>
  fc.oneof(fc.tuple(time, place), fc.tuple(time, place, layout.map(stringValue))).map(arrayValue)
const inUtc = fc.oneof(ns, fc.tuple(ns).map(arrayValue), instantOf(ns, fc.constantFrom('', 'UTC').map(stringValue)))
const instant = fc.oneof({ arbitrary: inUtc, weight: 4 }, { arbitrary: instantOf(settled, zone), weight: 6 }, value)

/** Go counts round where years have more than 64 bits. */
const years = fc.oneof(
  small,
  fc.integer({ min: -1000, max: 1000 }).map(integerValue),
  fc.constantFrom('1.0', '1e0', '0.5').map(numberValue),
)

const two = (most: number) => fc.integer({ min: 0, max: most }).map((made) => `${made}`.padStart(2, '0'))
/** What the elements of a layout read, now and then out of range. */
const written: Readonly<Record<string, Arbitrary<string>>> = {
  January: fc.constantFrom('January', 'february', 'MAY', 'Dec'),
  Jan: fc.constantFrom('Jan', 'feb', 'MAY', 'Dec'),
  Monday: fc.constantFrom('Monday', 'sunday', 'Wed'),
  Mon: fc.constantFrom('Mon', 'sun', 'WED', 'Foo'),
  '2006': fc.constantFrom('2024', '1970', '1677', '2262', '2023', '0000', '20a4'),
  '06': fc.constantFrom('24', '68', '69', '+5', '-5', 'x1'),
  __2: fc.constantFrom('  1', ' 60', '366', '365', '59', '0'),
  '002': fc.constantFrom('001', '060', '366', '365', '59'),
  PM: fc.constantFrom('PM', 'AM', 'pm'),
  pm: fc.constantFrom('pm', 'am', 'PM'),
  MST: fc.constantFrom(
    'UTC',
    'CET',
    'CEST',
    'GMT',
    'GMT+3',
    'GMT-23',
    'GMT+24',
    'ChST',
    'WITA',
    'ABCDE',
    'ABCDT',
    '+03',
    '-5',
    'AB',
    'abc',
    'ABCDEF',
  ),
  _2: fc.constantFrom(' 1', '31', '30', '9', '  1'),
}
const writtenOffset = fc.constantFrom(
  'Z',
  '+01:00',
  '-0730',
  '+00',
  '-00:00:01',
  '-000001',
  '+24:00',
  '+2500',
  '+01:60:60',
  '07',
)
const writtenFraction = fc.constantFrom('', '.1', ',123', '.123456789', '.1234567891', '.000000', '.+1', '.x')
const anyNumber = fc.oneof(two(12), two(31), two(60), fc.constantFrom('1', '9', '0', '24'))
const layoutAndValue = fc
  .oneof(
    fc.array(fc.constantFrom(...elements, ...offsets, ...fractions), { maxLength: 6 }).chain((parts) => {
      const values = parts.map((part) =>
        offsets.includes(part)
          ? writtenOffset
          : fractions.includes(part)
            ? writtenFraction
            : (written[part] ?? anyNumber),
      )
      const mark = fc.constantFrom(' ', '-', ' , ')
      return fc
        .tuple(fc.tuple(...values), mark, fc.constantFrom('', '', '', ' ', '.5', 'x'))
        .map(([texts, between, end]) => [parts.join(between), texts.join(between) + end])
    }),
    fc.tuple(
      fc.constantFrom('RFC3339', 'RFC1123', 'RFC1123Z', 'ANSIC', 'RFC850'),
      fc.constantFrom(
        '2024-02-29T23:59:59.5+01:00',
        'Mon, 02 Jan 2006 15:04:05 MST',
        'Mon, 02 Jan 2006 15:04:05 -0700',
        'Mon Jan  2 15:04:05 2006',
        'Monday, 02-Jan-06 15:04:05 UTC',
      ),
    ),
  )
  .map((pair) => pair.map((made) => stringValue(made ?? '')))

const rfc3339 = fc
  .tuple(
    fc.constantFrom('2024', '1677', '2262', '9999', '0000', '2023'),
    two(13),
    two(32),
    fc.constantFrom('T', ' ', 't'),
    two(24),
    two(60),
    two(60),
    writtenFraction,
    writtenOffset,
  )
  .map(
    ([year, month, day, mark, hour, minute, second, fraction, offset]) =>
      `${year}-${month}-${day}${mark}${hour}:${minute}:${second}${fraction}${offset}`,
  )

const duration = fc
  .tuple(
    fc.constantFrom('', '-', '+'),
    fc.array(
      fc.tuple(
        fc.oneof(
          fc.nat(100).map(String),
          fc.constantFrom(
            '1.5',
            '.5',
            '5.',
            '.',
            '1.2.3',
            '9223372036854775807',
            '0.000000000123456789123',
            '106751',
            '',
          ),
        ),
        fc.constantFrom('ns', 'us', 'µs', 'μs', 'ms', 's', 'm', 'h', 'd', 'w', 'y', 'x', 'dd', ''),
      ),
      { maxLength: 4 },
    ),
  )
  .map(([sign, parts]) => sign + parts.flat().join(''))

/** The arguments of `time.*`. */
export const timeOperandsOf: Readonly<Record<string, Arbitrary<readonly Value[]>>> = {
  'time.add_date': fc.oneof(
    fc.tuple(
      inUtc,
      years,
      fc.oneof(small, fc.integer({ min: -500, max: 500 }).map(integerValue)),
      fc.oneof(small, fc.integer({ min: -50_000, max: 50_000 }).map(integerValue)),
    ),
    fc.tuple(instantOf(secondsFrom('1984-01-01', '2006-01-01'), zone), small, small, fc.nat(1500).map(integerValue)),
  ),
  'time.clock': fc.tuple(instant),
  'time.date': fc.tuple(instant),
  'time.diff': fc.oneof(
    fc.tuple(inUtc, inUtc),
    fc.tuple(instantOf(settled, zone), fc.oneof(settled, instantOf(settled, zone))),
  ),
  'time.format': fc.tuple(instant),
  'time.parse_duration_ns': fc.tuple(duration.map(stringValue)),
  'time.parse_ns': layoutAndValue,
  'time.parse_rfc3339_ns': fc.tuple(rfc3339.map(stringValue)),
  'time.weekday': fc.tuple(instant),
}
