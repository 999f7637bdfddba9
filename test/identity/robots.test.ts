import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Robots } from '../../src/identity/robots.ts'
import { parseRobots, type Robot } from '../../src/identity/robots-file.ts'
import { type Address, parseAddress } from '../../src/model/address.ts'
import { PolicyIdentity } from '../../src/model/context.ts'
import { shapeFaults } from '../../src/model/shape.ts'
import type { Fingerprint } from '../../src/model/units.ts'
import { wire } from '../../src/model/wire.ts'
import { at } from '../support/certificate.ts'

const end = Date.UTC(2030, 0, 1) / 1000
const key = (n: number): string => `ssh-ed25519 ${wire('ssh-ed25519', Buffer.alloc(32, n)).toString('base64')}`
const robotsOf = (...lines: string[]): readonly Robot[] => {
  const { robots, problems } = parseRobots('robots.keys', lines.join('\n'), 3_072)
  assert.deepEqual(problems, [])
  return robots
}
const file = [
  `username="ci",groups="deploy,web" ${key(1)}`,
  `username="Backup",expiry-time="20300101Z",from="10.0.0.0/8,!10.0.0.5" ${key(2)}`,
]
const [ci, backup] = robotsOf(...file).map((robot) => robot.key.fingerprint) as [Fingerprint, Fingerprint]
function theRobots(): Robots {
  const robots = new Robots()
  robots.replace(robotsOf(...file))
  return robots
}
const address = (text: string): Address => parseAddress(text) ?? assert.fail(text)

test('a robot is known by its key, and is no person', () => {
  const identity = theRobots().find(ci, address('203.0.113.9'), at(1000))
  assert.deepEqual(identity, {
    subject: ci,
    issuer: 'keys',
    username: 'ci',
    groups: ['deploy', 'web'],
    expires_at: 253_402_300_799,
    claims: {},
    kind: 'robot',
    login: { at: 1000, flow: 'keys', ssh_source_ip: '203.0.113.9' },
  })
  assert.deepEqual(shapeFaults(PolicyIdentity, identity), [])
})

const rows: [rule: string, source: string, now: number, outcome: number | string][] = [
  ['in time and in place', '10.0.0.6', end - 1, end],
  ['its end is too late', '10.0.0.6', end, 'ROBOT_EXPIRED'],
  ['another network', '11.0.0.1', 1000, 'ROBOT_SOURCE'],
  ['an address that is left out', '10.0.0.5', 1000, 'ROBOT_SOURCE'],
  ['neither: time is told first', '11.0.0.1', end, 'ROBOT_EXPIRED'],
]
for (const [rule, source, now, outcome] of rows)
  test(`expiry and place are held at each admission: ${rule}`, () => {
    const find = () => theRobots().find(backup, address(source), at(now))
    if (typeof outcome === 'string') assert.throws(find, { code: outcome })
    else assert.equal(find()?.expires_at, outcome)
  })

test('nobody else’s key is a robot’s', () => {
  assert.equal(theRobots().find('SHA256:other' as Fingerprint, address('10.0.0.6'), at(1000)), undefined)
})
test('a robot’s name is one in any letter case', () => {
  const robots = theRobots()
  assert.deepEqual(
    ['ci', 'CI', 'backup', 'c', 'deploy'].map((name) => robots.isName(name)),
    [true, true, true, false, false],
  )
})

const changes: [rule: string, lines: string[], gone: string[]][] = [
  ['the same file changes nobody', file, []],
  ['nor does another order, a comment or a blank', ['# more', `${file[1]} note`, '', ...file.slice(0, 1)], []],
  ['a line that is gone', file.slice(0, 1), ['Backup']],
  ['another group', [file[0]?.replace('web', 'root') ?? '', file[1] ?? ''], ['ci']],
  ['another name', [file[0]?.replace('"ci"', '"cd"') ?? '', file[1] ?? ''], ['ci']],
  ['another place', [file[0] ?? '', file[1]?.replace('!10.0.0.5', '!10.0.0.6') ?? ''], ['Backup']],
  ['another end', [file[0] ?? '', file[1]?.replace('2030', '2031') ?? ''], ['Backup']],
  ['a new line changes nobody else', [...file, `username="new" ${key(3)}`], []],
  ['an empty file', [], ['ci', 'Backup']],
]
for (const [rule, lines, gone] of changes)
  test(`who is not what they were: ${rule}`, () => {
    const robots = theRobots()
    assert.deepEqual(
      robots.replace(robotsOf(...lines)).map(({ username }) => username),
      gone,
    )
    assert.equal(
      robots.has(ci),
      lines.some((line) => line.includes(key(1))),
    )
  })
