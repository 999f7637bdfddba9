import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Enrolled, type Kind, Registry } from '../../src/gateway/registry.ts'

/** What is done, in this order; `+a` comes as a session of a's, `@a` as a visit, `!1` lets the first in, `-1` is gone. */
const rows: [rule: string, done: string, entered: [others: number, all: number][]][] = [
  [
    'of two who come at once the second counts the first',
    '+a +a',
    [
      [0, 1],
      [1, 2],
    ],
  ],
  [
    'the first does not count the second, whoever is let in first',
    '+a +a !2',
    [
      [0, 1],
      [1, 2],
    ],
  ],
  [
    'other people count in all, and not as others',
    '+a +b +a',
    [
      [0, 1],
      [0, 2],
      [1, 3],
    ],
  ],
  [
    'visits count in all, and among visits',
    '@a +a @a',
    [
      [0, 1],
      [0, 2],
      [1, 3],
    ],
  ],
  [
    'who is gone counts no more',
    '+a !1 -1 +a',
    [
      [0, 1],
      [0, 1],
    ],
  ],
  [
    'who is gone is gone once',
    '+a +b -1 -1 +a',
    [
      [0, 1],
      [0, 2],
      [0, 2],
    ],
  ],
  [
    'a visit that is let in stays one',
    '@a !1 +a',
    [
      [0, 1],
      [0, 2],
    ],
  ],
]

function play(registry: Registry, done: string): Enrolled[] {
  const came: Enrolled[] = []
  for (const [act, what = ''] of done.split(' ').map((word) => [word[0], word.slice(1)])) {
    const kind: Kind = act === '@' ? 'visit' : 'session'
    if (act === '+' || act === '@') came.push(registry.enrol(what, kind))
    else if (act === '!') came[Number(what) - 1]?.letIn()
    else came[Number(what) - 1]?.[Symbol.dispose]()
  }
  return came
}
for (const [rule, done, expected] of rows)
  test(rule, () => {
    const entered = play(new Registry(), done).map(({ entered: { others, all } }) => [others, all])
    assert.deepEqual(entered, expected)
  })

test('how many there are now is those let in, and those who asked before', () => {
  const [first, second, third] = play(new Registry(), '+a +a +a !3')
  assert.deepEqual(
    [first, second, third].map((one) => one?.now().others),
    [1, 2, 2],
  )
})
test('sessions that were let in are known by person, and nothing is kept of who has gone', () => {
  const registry = new Registry()
  const came = play(registry, '+a +a !1 @a +b')
  assert.deepEqual([registry.liveOf('a'), registry.liveOf('b'), registry.size], [1, 0, 2])
  for (const one of came) one[Symbol.dispose]()
  assert.deepEqual([registry.liveOf('a'), registry.size], [0, 0])
})
