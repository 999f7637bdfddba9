import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LoginCase, parseUserName } from '../../src/gateway/names.ts'

const written = (parsed: ReturnType<typeof parseUserName>): string | undefined =>
  parsed && (parsed.route === undefined ? `${parsed.login} here` : `${parsed.login}@${parsed.route}`)

const rows: [rule: string, text: string, loginCase: LoginCase, asked: string | undefined][] = [
  ['login and route', 'root@db1', 'lower', 'root@db1'],
  ['split at the last @', 'a@b@db1', 'lower', undefined],
  ['a per cent sign when there is no @', 'root%db1', 'lower', 'root@db1'],
  ['a plus when there is neither', 'root+db1', 'lower', 'root@db1'],
  ['with an @ a per cent sign is no separator', 'ro%ot@db1', 'lower', undefined],
  ['a login may have dots and dashes', '_a.b-c@db1', 'lower', '_a.b-c@db1'],
  ['of at most 32 characters', `${'a'.repeat(33)}@db1`, 'lower', undefined],
  ['no upper case', 'Root@db1', 'lower', undefined],
  ['but where it is configured', 'Root@db1', 'any', 'Root@db1'],
  ['a route has no upper case', 'root@DB1', 'any', undefined],
  ['of at most 63 characters', `root@${'a'.repeat(64)}`, 'lower', undefined],
  ['nothing is no login', '@db1', 'lower', undefined],
  ['nothing is no route', 'root@', 'lower', undefined],
  ['a name alone has no route', 'root', 'lower', 'root here'],
  ['but it is a login all the same', 'Root', 'lower', undefined],
  ['an option is no login', '-oProxyCommand=x@db1', 'lower', undefined],
  ['nor does a route begin with a dash', 'root@-db1', 'lower', undefined],
  ['no control characters', 'root\n@db1', 'lower', undefined],
  ['no NUL', 'root\0@db1', 'lower', undefined],
  ['nothing that was not UTF-8', 'r\ufffdot@db1', 'lower', undefined],
  ['no look-alikes', 'rооt@db1', 'lower', undefined],
  ['nothing after the end', 'root@db1\n', 'lower', undefined],
]
for (const [rule, text, loginCase, asked] of rows)
  test(rule, () => {
    const parsed = parseUserName(text, { loginCase })
    assert.equal(written(parsed), asked)
  })

const withDefault: [rule: string, text: string, asked: string | undefined][] = [
  ['a login alone goes to the default route', 'root', 'root@web'],
  ['one with a route goes there', 'root@db1', 'root@db1'],
  ['also by the other separators', 'root%db1', 'root@db1'],
  ['a separator without a route is no login alone', 'root@', undefined],
  ['the grammar of logins holds', 'Root', undefined],
  ['nothing is none', '', undefined],
  ['regate leads to the gateway itself', 'regate', 'regate here'],
  ['but not on a route that is named', 'regate@db1', 'regate@db1'],
]
for (const [rule, text, asked] of withDefault)
  test(`with a default route: ${rule}`, () => {
    const parsed = parseUserName(text, { loginCase: 'lower', defaultRoute: 'web' })
    assert.equal(written(parsed), asked)
  })
