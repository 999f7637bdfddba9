import fc, { type Arbitrary } from 'fast-check'
import { arrayValue, numberValue, objectValue, setValue, stringValue, type Value } from '../../../src/policy/value.ts'
import { alike, alikeWith, few, number, small, string, text, value } from './arbitrary.ts'
import { timeOperandsOf } from './arbitrary-time.ts'

const strings = fc.oneof(
  few,
  fc.array(few, { maxLength: 3 }).map(arrayValue),
  fc.array(few, { maxLength: 3 }).map(setValue),
  { arbitrary: value, weight: 1 },
)

const marks = fc.string({ unit: fc.constantFrom('#', '0', '+', '-', ' '), maxLength: 3 })
const width = fc.constantFrom('', '', '', '5', '12', '0', '*', '[1]', '[2]', '[9]', '[x]', '[1]3', '9999999999')
const precision = fc.constantFrom('', '', '', '.', '.0', '.3', '.10', '.25', '.*', '.[1]*')
const verb = fc.constantFrom(
  'v',
  'd',
  's',
  'q',
  'x',
  'X',
  'f',
  'F',
  'e',
  'E',
  'g',
  'G',
  'b',
  'o',
  'O',
  'c',
  'U',
  't',
  'T',
  '%',
  'z',
  'ä',
  '',
)
const directive = fc
  .tuple(fc.constant('%'), marks, width, precision, fc.constantFrom('', '', '', '[1]', '[2]'), verb)
  .map((parts) => parts.join(''))
const format = fc
  .array(fc.oneof({ arbitrary: directive, weight: 4 }, text), { maxLength: 3 })
  .map((parts) => parts.join(''))
  // Where a big number lies in memory is no answer to compare.
  .filter((made) => !made.includes('p'))
const printed = fc.oneof({ arbitrary: number, weight: 4 }, small, fc.oneof(string, value))

const key = fc.constantFrom('a', 'b', '0', '1', '-', '01', 'x/y', '~', '').map(stringValue)
const pointer = fc.oneof(
  fc
    .array(fc.constantFrom('a', 'b', '0', '1', '2', '-', '01', '~1', '~0', ''), { maxLength: 3 })
    .map((keys) => stringValue(keys.map((made) => `/${made}`).join(''))),
  fc.array(fc.oneof(key, alike), { maxLength: 3 }).map(arrayValue),
  { arbitrary: alike, weight: 1 },
)
/** OPA crashes once a whole document was removed, also when another was put in its place. */
const keepsTheDocument = ({ op, path, from }: { op: string; path: Value; from?: Value }): boolean => {
  const removed = op === 'move' ? from : op === 'remove' || op === 'replace' ? path : undefined
  return (
    removed === undefined ||
    (removed.type === 'string' ? removed.value !== '' : removed.type !== 'array' || removed.items.length > 0)
  )
}
const operation = fc
  .record(
    {
      op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'none'),
      path: pointer,
      from: pointer,
      value: alike,
    },
    { requiredKeys: ['op', 'path'] },
  )
  .filter(keepsTheDocument)
  .map((made) =>
    objectValue(
      Object.entries(made).map(([name, held]) => [
        stringValue(name),
        typeof held === 'string' ? stringValue(held) : held,
      ]),
    ),
  )
/** After one operation OPA finds the wrong items of an array: several are tried where there is none. */
const patching = fc.oneof(
  fc.tuple(alike, fc.array(operation, { maxLength: 1 }).map(arrayValue)),
  fc.tuple(alikeWith('object'), fc.array(operation, { maxLength: 4 }).map(arrayValue)),
)

const cidr = fc.oneof(
  fc
    .tuple(
      fc.oneof(
        fc.ipV4(),
        fc.ipV6(),
        fc.constantFrom(
          '::',
          '::1.2.3.4',
          '::ffff:1.2.3.4',
          '1:2:3:4:5:6:7::',
          '01.2.3.4',
          '1.2.3',
          'fe80::1%eth0',
          '1::2::3',
          '',
        ),
      ),
      fc.constantFrom('/0', '/8', '/32', '/33', '/128', '/129', '/08', '/', '', '/-1', '/8/8', '/ 8'),
    )
    .map((parts) => stringValue(parts.join(''))),
  value,
)

/** The arguments of each function: mostly such as make sense, and some of any type. */
export const operandsOf: Readonly<Record<string, Arbitrary<readonly Value[]>>> = {
  'indexof_n': fc.tuple(few, few),
  'json.patch': patching,
  'net.cidr_is_valid': fc.tuple(cidr),
  'numbers.range_step': fc.tuple(
    fc.oneof(small, fc.constantFrom('1.5', '1e1', '-7.0').map(numberValue)),
    small,
    fc.oneof(small, fc.constantFrom('1e0', '2.0', '1.5', '20').map(numberValue)),
  ),
  'object.subset': fc.tuple(alike, alike),
  'sprintf': fc.tuple(format.map(stringValue), fc.array(printed, { maxLength: 3 }).map(arrayValue)),
  'strings.any_prefix_match': fc.tuple(strings, strings),
  'strings.any_suffix_match': fc.tuple(strings, strings),
  'strings.count': fc.tuple(few, few),
  'strings.split_n': fc.tuple(few, few, fc.oneof(small, number)),
  ...timeOperandsOf,
}
