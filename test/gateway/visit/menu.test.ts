import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Key, Keys } from '../../../src/gateway/visit/keys.ts'
import { emptyMenu, type Menu, press, type Step } from '../../../src/gateway/visit/menu.ts'
import type { Offer, OfferedLogin } from '../../../src/gateway/visit/offers.ts'
import { draw, type Terminal } from '../../../src/gateway/visit/screen.ts'
import type { Login } from '../../../src/model/units.ts'

const login = (name: string, change: Partial<OfferedLogin> = {}): OfferedLogin => ({
  login: name as Login,
  require: [],
  terminal: true,
  ...change,
})
const offer = (route: string, ...logins: OfferedLogin[]): Offer => ({
  route,
  logins: [logins[0] ?? login('root'), ...logins.slice(1)],
})
const offers = [
  offer('db1', login('postgres'), login('root')),
  offer('lab'),
  offer('queue', login('app', { terminal: false })),
]
const terminal: Terminal = { columns: 80, rows: 24, moves: true, marks: true }

/** What comes of typing. */
function typed(bytes: string, menu: Menu = { ...emptyMenu, offers, isLooking: false }): Step {
  let step: Step = { menu, next: 'show' }
  for (const key of new Keys().read(Buffer.from(bytes))) if (step.next === 'show') step = press(step.menu, key, 10)
  return step
}
const choiceOf = (step: Step): string =>
  step.next === 'go' ? `${step.choice.offered.login}@${step.choice.route}` : step.next

const rows: [rule: string, bytes: string, choice: string][] = [
  ['Enter goes to the first', '\r', 'postgres@db1'],
  ['down and Enter to the second', '\x1b[B\r', 'root@lab'],
  ['there is nothing above the first', '\x1b[A\x1b[A\r', 'postgres@db1'],
  ['l changes the login', 'l\r', 'root@db1'],
  ['and comes round', 'll\r', 'postgres@db1'],
  ['q leaves', 'q', 'leave'],
  ['after / it is a letter', '/q\t', 'show'],
  ['and l too', '/la\r', 'root@lab'],
  ['typing searches without it', 'b1\r', 'postgres@db1'],
  ['a login is found as well', 'postg\r', 'postgres@db1'],
  ['within a search Tab changes the login', 'db\t\r', 'root@db1'],
  ['what is not found is not gone to', 'nosuch\r', 'show'],
  ['where no terminal is opened nobody goes', '/queue\r', 'show'],
  ['a search is taken back', 'dbx\x7f\r', 'postgres@db1'],
  ['Ctrl-C leaves whatever is typed', 'db\x03', 'leave'],
  ['so does Ctrl-D', 'db\x04', 'leave'],
]
for (const [rule, bytes, choice] of rows) test(rule, () => assert.equal(choiceOf(typed(bytes)), choice))

test('ESC takes the search back first, and then leaves', () => {
  const esc: Key = { kind: 'escape' }
  const once = press(typed('db').menu, esc, 10)
  assert.deepEqual([once.next, once.menu.search], ['show', ''])
  assert.equal(press(once.menu, esc, 10).next, 'leave')
})

const many = Array.from({ length: 300 }, (_, index) => offer(`route${index}`))
const shown = (menu: Menu, at: Partial<Terminal> = {}): string[] => {
  const text = draw(menu, { ...terminal, ...at }, 'gate: routes open to alice').replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '')
  return text.split('\r\n')
}

test('hundreds of routes scroll: the chosen one is always seen, and nothing is longer than the terminal', () => {
  for (const [rows, columns] of [
    [24, 80],
    [10, 30],
    [3, 12],
    [1, 5],
  ] as const) {
    for (const at of [0, 150, 299]) {
      const lines = shown({ ...emptyMenu, offers: many, isLooking: false, at }, { rows, columns })
      assert.ok(lines.length <= rows, `${lines.length} lines`)
      assert.ok(lines.every((line) => line.length <= columns))
      assert.ok(
        lines.some((line) => line.startsWith('>')),
        `${rows}: ${lines.join('|')}`,
      )
    }
  }
})

test('a terminal that cannot move its cursor is sent no escape sequence', () => {
  const text = draw({ ...emptyMenu, offers }, { ...terminal, moves: false, marks: false }, 'gate')
  assert.ok(!text.includes('\x1b'))
})

test('what comes from elsewhere cannot move the cursor', () => {
  const lines = draw({ ...emptyMenu, offers, notice: 'a\x1b[2Jb\nc' }, { ...terminal, moves: false }, 'gate\x07')
  assert.ok(!/[\x00-\x09\x0b\x0c\x0e-\x1f]/.test(lines))
})
