import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { permit } from '../../src/enforcement/permit.ts'
import type { Extensions } from '../../src/model/certificate.ts'
import { type ByteString, byteStringOf } from '../../src/model/glob.ts'
import type { SftpUse } from '../../src/model/sftp.ts'
import { aCertificate, at } from '../support/certificate.ts'

const path = (text: string): ByteString => byteStringOf(text)
const use = (access: 'look' | 'list' | 'read' | 'write', text?: string): SftpUse =>
  text === undefined ? { access } : { access, path: path(text) }
const carry = (from: string, to: string): SftpUse => ({ access: 'carry', path: path(from), to: path(to) })
const link: SftpUse = { access: 'link' }
const never: SftpUse = { access: 'never' }

const paths = { read: ['/out/**', '/both/*'], write: ['/in/**', '/both/*'] }
const deeper = { read: ['/srv/a/pub/*'], write: ['/srv/*'] }
const inOne = { read: ['/one/*', '/all/**'], write: ['/**'] }
const inOneToWrite = { write: ['/one/*', '/all/**'] }
const inside = 'does not name all that may be in it'
type Value = NonNullable<Extensions['permit-sftp@regate']>
const rows: [rule: string, value: Value, uses: SftpUse[], permitted: boolean, because?: string][] = [
  ['read: reads', 'read', [use('read', '/x')], true],
  ['read: lists', 'read', [use('list', '/x')], true],
  ['read: looks, wherever it may be', 'read', [use('look')], true],
  ['read: does not write', 'read', [use('write', '/x')], false, 'is for reading alone'],
  ['read: nor where nobody knows', 'read', [use('write')], false, 'is for reading alone'],
  ['read: nor one of two', 'read', [use('read', '/x'), use('write', '/y')], false, 'is for reading alone'],
  ['read: makes no links', 'read', [link], false, 'is for reading alone'],
  ['read: knows what it knows', 'read', [never], false, 'knows no such request'],
  ['write: writes', 'write', [use('write', '/x')], true],
  ['write: reads too', 'write', [use('read', '/x')], true],
  ['write: makes links', 'write', [link], true],
  ['write: carries', 'write', [carry('/a', '/b')], true],
  ['write: knows what it knows', 'write', [never], false, 'knows no such request'],
  ['paths: reads what is named', paths, [use('read', '/out/a/b')], true],
  ['paths: and nothing else', paths, [use('read', '/secret/a')], false, 'does not name it to read'],
  ['paths: what may be written is not to be read', paths, [use('read', '/in/a')], false, 'does not name it to read'],
  ['paths: writes what is named', paths, [use('write', '/in/a')], true],
  ['paths: and nothing else', paths, [use('write', '/out/a')], false, 'does not name it to write'],
  ['paths: not the directory itself', paths, [use('write', '/in')], false, 'does not name it to write'],
  ['paths: nor to read', paths, [use('read', '/out')], false, 'does not name it to read'],
  ['paths: but its list', paths, [use('list', '/out')], true],
  ['paths: no list of what may only be written', paths, [use('list', '/in')], false, 'does not name it to list'],
  ['paths: nor of the way there', paths, [use('list', '/')], false, 'does not name it to list'],
  ['paths: looks at what may be read', paths, [use('look', '/out/a')], true],
  ['paths: at what may be written', paths, [use('look', '/in/a')], true],
  ['paths: and at the way there', paths, [use('look', '/')], true],
  ['paths: nowhere else', paths, [use('look', '/secret')], false, 'does not name it to look'],
  ['paths: makes no links', paths, [link], false, 'names paths, and so makes no links'],
  ['paths: nothing unknown', paths, [use('read')], false, 'names paths, and this one is not known'],
  ['paths: no backslash', paths, [use('read', '/out/..\\..\\x')], false, 'names paths, and none with a backslash'],
  ['paths: carries what may be read', paths, [carry('/both/a', '/both/b')], true],
  ['paths: what may not, to where it may not be read either', paths, [carry('/in/a', '/in/b')], true],
  ['paths: not to where it may', paths, [carry('/in/a', '/both/b')], false, 'does not name it to read'],
  ['paths: nor where a list is shown', paths, [carry('/in/a', '/out')], false, inside],
  ['paths: nor above that', deeper, [carry('/srv/x', '/srv/a')], false, inside],
  ['paths: of a directory not what is in it', inOne, [carry('/one/d', '/all/d')], false, inside],
  ['paths: nor to write there', inOneToWrite, [carry('/one/d', '/all/d')], false, inside],
  ['paths: back again it opens nothing', inOne, [carry('/all/d', '/one/d')], true],
  ['paths: a directory among what is named with all in it', paths, [carry('/in/a', '/in/b/c')], true],
  ['paths: a request that touches no file', paths, [], true],
  ['paths: no more than 4096 bytes', paths, [use('read', `/out/${'x'.repeat(4_092)}`)], false],
]
for (const [rule, value, uses, permitted, because] of rows)
  test(rule, () => {
    const certificate = aCertificate({ extensions: { 'permit-sftp@regate': value } })
    const verdict = permit(certificate, { kind: 'sftp', uses }, at(1500))
    assert.equal(verdict.permitted, permitted)
    if (!verdict.permitted && because !== undefined) assert.equal(verdict.because, because)
    if (because !== undefined || permitted) assert.equal(verdict.field, 'permit-sftp@regate')
  })

const subsystem = { kind: 'subsystem', name: path('sftp') } as const
test('permit-sftp opens the subsystem', () => {
  const certificate = aCertificate({ extensions: { 'permit-sftp@regate': 'read' } })
  assert.deepEqual(permit(certificate, subsystem, at(1500)), { permitted: true, field: 'permit-sftp@regate' })
  assert.equal(permit(certificate, { kind: 'subsystem', name: path('sftp2') }, at(1500)).permitted, false)
})
test('beside permit-subsystem it holds all the same', () => {
  const extensions: Extensions = { 'permit-sftp@regate': 'read', 'permit-subsystem@regate': ['sftp', 'netconf'] }
  const certificate = aCertificate({ extensions })
  assert.deepEqual(permit(certificate, subsystem, at(1500)), { permitted: true, field: 'permit-sftp@regate' })
  assert.equal(permit(certificate, { kind: 'sftp', uses: [use('write', '/x')] }, at(1500)).permitted, false)
  assert.equal(permit(certificate, { kind: 'subsystem', name: path('netconf') }, at(1500)).permitted, true)
})
test('paths that are none open no subsystem', () => {
  for (const value of [{}, { read: [], write: [] }]) {
    const certificate = aCertificate({ extensions: { 'permit-sftp@regate': value } })
    assert.equal(permit(certificate, subsystem, at(1500)).permitted, false)
  }
})
test('without it the subsystem is all or nothing', () => {
  const ask = { kind: 'sftp', uses: [never] } as const
  assert.equal(permit(aCertificate(), ask, at(1500)).permitted, false)
  const whole = aCertificate({ extensions: { 'permit-subsystem@regate': ['sftp'] } })
  assert.equal(permit(whole, ask, at(1500)).permitted, true)
})
test('its end is the end of every request', () => {
  const certificate = aCertificate({ extensions: { 'permit-sftp@regate': 'write' } })
  assert.equal(permit(certificate, { kind: 'sftp', uses: [] }, at(2000)).permitted, false)
})

test('paths permit nothing that the word alone does not', () => {
  const step = fc.constantFrom('out', 'in', 'both', 'a', '..')
  const anyPath = fc.array(step, { maxLength: 4 }).map((steps) => path(`/${steps.join('/')}`))
  const access = fc.constantFrom('look', 'list', 'read', 'write')
  fc.assert(
    fc.property(fc.record({ access, path: anyPath }), (one) => {
      const ask = { kind: 'sftp', uses: [one as SftpUse] } as const
      const by = (value: Value): boolean =>
        permit(aCertificate({ extensions: { 'permit-sftp@regate': value } }), ask, at(1500)).permitted
      assert.ok(by('write') || !by(paths))
      assert.ok(by('write') || !by('read'))
    }),
  )
})
