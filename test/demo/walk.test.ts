import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Check, differences } from '../../demo/check.ts'
import { makePage } from '../../demo/page.ts'
import { exitCodeOf, type Step, walk } from '../../demo/walk.ts'

const checks: [rule: string, check: Omit<Check, 'what'>, difference: string | undefined][] = [
  ['the same number holds', { found: 0, expected: 0 }, undefined],
  ['another exit code differs', { found: 255, expected: 0 }, 'it: expected 0, found 255'],
  ['a program that was killed has no exit code', { found: null, expected: 0 }, 'it: expected 0, found null'],
  ['a text that the pattern matches holds', { found: 'all in', expected: /in$/ }, undefined],
  ['one that it does not match differs', { found: 'out', expected: /in$/ }, 'it: expected /in$/, found "out"'],
  ['what is not there matches no pattern', { found: undefined, expected: /in$/ }, 'it: expected /in$/, found nothing'],
  ['nor does a number', { found: 7, expected: /7/ }, 'it: expected /7/, found 7'],
  ['lists hold by their items', { found: ['a', 'b'], expected: ['a', 'b'] }, undefined],
  ['in their order', { found: ['b', 'a'], expected: ['a', 'b'] }, 'it: expected ["a","b"], found ["b","a"]'],
  [
    'a decision that is another differs',
    { found: [{ outcome: 'allow' }], expected: [{ outcome: 'deny' }] },
    'it: expected [{"outcome":"deny"}], found [{"outcome":"allow"}]',
  ],
  [
    'so does one too many',
    { found: [{ outcome: 'deny' }, { outcome: 'deny' }], expected: [{ outcome: 'deny' }] },
    'it: expected [{"outcome":"deny"}], found [{"outcome":"deny"},{"outcome":"deny"}]',
  ],
]
for (const [rule, check, difference] of checks)
  test(rule, () =>
    assert.deepEqual(differences([{ what: 'it', ...check }]), difference === undefined ? [] : [difference]),
  )

const right: Step = stepThat(async () => [{ what: 'exit code', found: 0, expected: 0 }])
const wrong: Step = stepThat(async () => [{ what: 'exit code', found: 255, expected: 0 }])
const broken: Step = stepThat(async () => {
  throw new Error('ssh is not there')
})

const walks: [rule: string, steps: Step[], exitCode: number, verdicts: string[]][] = [
  ['a tour that went as it must ends with 0', [right, right], 0, ['ok', 'ok']],
  ['one step that differs makes it 1', [right, wrong, right], 1, ['ok', 'DIFFERS', 'ok']],
  ['the first as well', [wrong, right], 1, ['DIFFERS', 'ok']],
  ['a step that fails differs, and the next is taken', [broken, right], 1, ['DIFFERS', 'ok']],
  ['a tour without steps shows nothing', [], 1, []],
]
for (const [rule, steps, exitCode, verdicts] of walks)
  test(rule, async () => {
    let text = ''
    const page = makePage((more) => (text += more))
    const results = await walk(steps, page, new AbortController().signal)
    assert.equal(exitCodeOf(results), exitCode)
    assert.deepEqual(text.match(/^ {4}(ok|DIFFERS)$/gm)?.map((line) => line.trim()) ?? [], verdicts)
  })

test('what differed is said', async () => {
  let text = ''
  await walk(
    [wrong, broken],
    makePage((more) => (text += more)),
    new AbortController().signal,
  )
  assert.match(text, /DIFFERS\n {6}- exit code: expected 0, found 255\n/)
  assert.match(text, /DIFFERS\n {6}- the step failed: ssh is not there\n/)
})

test('an interruption ends the tour where it is', async () => {
  const interrupt = new AbortController()
  const last = stepThat(async () => {
    interrupt.abort(new Error('enough'))
    return []
  })
  const never = stepThat(async () => assert.fail('taken'))
  await assert.rejects(
    walk(
      [last, never],
      makePage(() => {}),
      interrupt.signal,
    ),
    /enough/,
  )
})

function stepThat(finds: () => Promise<Check[]>): Step {
  return { title: 'A step', run: async () => ({ decidedBy: 'a field', checks: await finds() }) }
}
