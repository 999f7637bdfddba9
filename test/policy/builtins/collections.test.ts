import assert from 'node:assert/strict'
import { test } from 'node:test'
import { builtins } from '../../../src/policy/builtins/registry.ts'
import { readValue } from '../../../src/policy/value-text.ts'
import { call } from './call.ts'

type Row = [rule: string, operands: string, answer: string]
const document = '{"a": {"b": [1, 2]}, "s": {"x", {"y": 1}}}'
const patched = (operation: string) => `${document}, [${operation}]`
const rowsOf: Record<string, Row[]> = {
  'json.patch': [
    [
      'adds to an object',
      patched('{"op": "add", "path": "/c", "value": 1}'),
      '{"a":{"b":[1,2]},"c":1,"s":{"x",{"y":1}}}',
    ],
    [
      'adds before an item',
      patched('{"op": "add", "path": "/a/b/0", "value": 0}'),
      '{"a":{"b":[0,1,2]},"s":{"x",{"y":1}}}',
    ],
    ['adds at the end', patched('{"op": "add", "path": "a/b/-", "value": 3}'), '{"a":{"b":[1,2,3]},"s":{"x",{"y":1}}}'],
    [
      'a path may be a list of keys',
      patched('{"op": "remove", "path": ["a", "b", 1]}'),
      '{"a":{"b":[1]},"s":{"x",{"y":1}}}',
    ],
    [
      'a path may lead through a set',
      patched('{"op": "add", "path": ["s", {"y": 1}, "y"], "value": 2}'),
      '{"a":{"b":[1,2]},"s":{"x",{"y":2}}}',
    ],
    [
      'a member of a set is removed by itself',
      patched('{"op": "remove", "path": "/s/x"}'),
      '{"a":{"b":[1,2]},"s":{{"y":1}}}',
    ],
    ['moves', patched('{"op": "move", "from": "/a/b", "path": "/b"}'), '{"a":{},"b":[1,2],"s":{"x",{"y":1}}}'],
    ['copies', patched('{"op": "copy", "from": "/a/b/0", "path": "/b"}'), '{"a":{"b":[1,2]},"b":1,"s":{"x",{"y":1}}}'],
    ['a test that holds changes nothing', '[1], [{"op": "test", "path": "/0", "value": 1.0}]', '[1]'],
    ['a test that fails', '[1], [{"op": "test", "path": "/0", "value": 2}]', 'error: a test failed'],
    ['one after the other', '[1], [{"op": "add", "path": "/0", "value": 0}, {"op": "remove", "path": "/1"}]', '[0]'],
    [
      'in a list that was changed before, places count as they are',
      '[{"a": 1}, {"b": 2}], [{"op": "add", "path": "/0", "value": 0}, {"op": "add", "path": "/1/x", "value": 3}]',
      '[0,{"a":1,"x":3},{"b":2}]',
    ],
    ['the whole document', '{}, [{"op": "replace", "path": "", "value": [1]}]', '[1]'],
    ['nothing left is no document', '{}, [{"op": "remove", "path": ""}]', 'error: nothing is left of the document'],
    ['escapes of a pointer', '{"a/b~": 1}, [{"op": "remove", "path": "/a~1b~0"}]', '{}'],
    [
      'an index has no zeros in front',
      '[1, 2], [{"op": "remove", "path": "/01"}]',
      'error: leading zeros are not allowed in JSON paths',
    ],
    [
      'an index beyond the end',
      '[1], [{"op": "add", "path": "/2", "value": 3}]',
      'error: index for array insertion out of bounds',
    ],
    ['what is not there', '{}, [{"op": "remove", "path": "/a"}]', 'error: path "a" does not exist'],
    [
      'nothing is in a string',
      '{"a": "b"}, [{"op": "add", "path": "/a/b", "value": 1}]',
      'error: expected composite type for path "b", found string',
    ],
    [
      'a member of a set is its own key',
      '{1}, [{"op": "add", "path": [2], "value": 3}]',
      'error: a member of a set is its own key',
    ],
    ['an operation needs a path', '{}, [{"op": "add", "value": 1}]', "error: missing required attribute 'path'"],
    ['an operation that is none', '{}, [{"op": "swap", "path": "/a"}]', "error: unrecognized op: 'swap'"],
    [
      'an operation is an object',
      '{}, [1]',
      'error: must be an array of JSON-Patch objects, but at least one element is not an object',
    ],
  ],
  'object.subset': [
    ['objects, also inside', '{"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 1}}', 'true'],
    ['another value', '{"a": 1}, {"a": 2}', 'false'],
    ['sets', '{1, 2}, {2}', 'true'],
    ['a run of an array', '[1, 2, 3], [2, 3]', 'true'],
    ['no run', '[1, 2, 3], [1, 3]', 'false'],
    ['a set in an array, in any order', '[1, 2, 3], {3, 1}', 'true'],
    [
      'an array in a set has no answer',
      '{1}, [1]',
      'error: both arguments object.subset must be of the same type or array and set',
    ],
    ['no empty set in an empty array, as in OPA', '[], set()', 'false'],
    ['an item that comes twice is counted twice, as in OPA', '[1, 1], {1, 2}', 'true'],
  ],
  'numbers.range_step': [
    ['up', '0, 10, 5', '[0,5,10]'],
    ['down', '10, 1, 4', '[10,6,2]'],
    ['beyond 64 bits', '18446744073709551616, 18446744073709551618, 2', '[18446744073709551616,18446744073709551618]'],
    ['no step', '0, 1, 0', 'error: step must be a positive integer'],
    ['no fractions', '0, 1, 0.5', 'error: operand 3 must be integer number but got floating-point number'],
  ],
  'strings.any_prefix_match': [
    ['one and one', '"alice", "al"', 'true'],
    ['any of a set with any of a list', '{"bob", "alice"}, ["x", "al"]', 'true'],
    ['none', '["bob"], {"x"}', 'false'],
    ['nothing has a beginning', '[], ["a"]', 'false'],
    ['only strings', '["a", 1], "a"', 'error: operand 1 must be array of strings but got array containing number'],
    ['no objects', '"a", {"a": 1}', 'error: operand 2 must be one of {string, set, array} but got object'],
  ],
  'strings.any_suffix_match': [
    ['one and one', '"db.example", ".example"', 'true'],
    ['any of a set with any of a list', '{"a.b", "c"}, ["x", ".b"]', 'true'],
    ['none', '["a.b"], {"a"}', 'false'],
  ],
  'strings.count': [
    ['without overlap', '"aaaa", "aa"', '2'],
    ['an empty text is around each character', '"ä😀", ""', '3'],
  ],
  'strings.split_n': [
    ['the first parts', '"a.b.c", ".", 2', '["a","b"]'],
    ['the last parts', '"a.b.c", ".", -2', '["b","c"]'],
    ['more than there are', '"a.b", ".", 9', '["a","b"]'],
    ['none', '"a.b", ".", 0', '[]'],
    ['by characters', '"ä😀", "", 2', '["ä","😀"]'],
  ],
  'indexof_n': [
    ['with overlap', '"aaa", "aa"', '[0,1]'],
    ['in characters', '"😀a😀a", "a"', '[1,3]'],
    ['nothing is nowhere', '"a", ""', 'error: empty search character'],
  ],
  'net.cidr_is_valid': [
    ['of IPv4', '"10.0.0.0/8"', 'true'],
    ['of IPv6', '"2001:db8::/32"', 'true'],
    ['an address is no network', '"10.0.0.1"', 'false'],
    ['too long a prefix', '"10.0.0.0/33"', 'false'],
    ['zeros in front of a part', '"010.0.0.0/8"', 'false'],
    ['no zone', '"fe80::%eth0/64"', 'false'],
    ['what is no string', '1', 'false'],
  ],
}
for (const [name, rows] of Object.entries(rowsOf))
  for (const [rule, operands, answer] of rows)
    test(`${name}: ${rule}`, () => assert.equal(call(name, operands), answer))

test('numbers.range_step: a range that is too long ends the evaluation', () => {
  assert.throws(() => call('numbers.range_step', '0, 1000000000000, 1'), { code: 'POLICY_MEMORY' })
  assert.throws(() => call('numbers.range_step', '1e30000, 0, 1'), { code: 'POLICY_MEMORY' })
})

const notes: [rule: string, name: string, operand: string, lines: string[]][] = [
  ['trace says its text', 'trace', '"why"', ['why']],
  ['print joins with blanks', 'internal.print', '[{"a"}, {1}, {[true, null]}]', ['a 1 [true, null]']],
  ['print says what is undefined', 'internal.print', '["a", set()]', ['a <undefined>']],
  ['print has a line for each combination', 'internal.print', '[{"a", "b"}, {1, 2}]', ['a 1', 'a 2', 'b 1', 'b 2']],
]
for (const [rule, name, operand, lines] of notes)
  test(rule, () => {
    const said: string[] = []
    builtins.get(name)?.([readValue(operand)], { nowNs: 0n, note: (text) => said.push(text) })
    assert.deepEqual(said, lines)
  })

test('print has an end', () => {
  const many = `{${Array.from({ length: 40 }, (_, at) => at).join(',')}}`
  assert.match(call('internal.print', `[${many}, ${many}]`), /^error: more than 1000 combinations$/)
})
