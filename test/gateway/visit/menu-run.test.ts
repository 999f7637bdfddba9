import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { ownRegistry } from '../../../src/gateway/commons.ts'
import { Registry } from '../../../src/gateway/registry.ts'
import { Sessions } from '../../../src/gateway/sessions.ts'
import { Turns } from '../../../src/gateway/turns.ts'
import { MenuRun } from '../../../src/gateway/visit/menu-run.ts'
import type { Visitor, VisitParts } from '../../../src/gateway/visit/visit.ts'
import type { ChannelEnd } from '../../../src/ssh/channel-end.ts'
import { aKnock, alice } from '../../support/knock.ts'
import { allowed, aRoute, evaluation } from '../../support/stage.ts'

const terminal = { columns: 80, rows: 24, moves: true, marks: true }

/** A menu of so many routes, on a channel that takes whatever it is sent. */
async function aMenu(routes: number) {
  const { asked, connection } = aKnock()
  const visitor = { asked: { login: asked.login }, connection, identity: alice } as unknown as Visitor
  const parts = {
    here: {
      routeNames: () => Array.from({ length: routes }, (_, index) => `host-${index}`),
      entrypoints: () => ['ssh/decision'],
      tryOut: async () => evaluation(allowed),
      listings: new Turns(1),
    },
    steps: { route: () => aRoute },
    sessions: new Sessions(ownRegistry(new Registry())),
    settings: { loginCase: 'lower' },
  } as unknown as VisitParts
  const sent: string[] = []
  const channel = Object.assign(new EventEmitter(), { destroyed: false, write: (text: string) => sent.push(text) })
  const menu = new MenuRun(channel as unknown as ChannelEnd, visitor, 'test', {
    terminal: () => terminal,
    go: async () => undefined,
  })
  const over = menu.run(visitor, parts, new AbortController().signal)
  while (!sent.at(-1)?.includes(`1/${routes} `)) await turn()
  return { over, sent, type: (text: string) => void channel.emit('data', Buffer.from(text)) }
}

test('however much comes at once, a turn of the event loop acts on a hundred and twenty-eight keys and draws once', async () => {
  const { over, sent, type } = await aMenu(300)
  sent.length = 0
  for (let count = 0; count < 1_000; count++) type('\x0e')
  assert.deepEqual(sent, [])
  await turn()
  assert.equal(sent.length, 1)
  assert.match(sent[0] ?? '', /129\/300 /)
  type('q')
  assert.deepEqual(await over, { status: 0 })
})

test('what is typed after it was left is not acted on, nor drawn', async () => {
  const { over, sent, type } = await aMenu(3)
  type('q\x0e')
  await over
  const before = sent.length
  type('\x0e')
  await turn()
  assert.equal(sent.length, before)
})
