import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse, stringify } from 'yaml'
import { newKey } from '../../src/certificate/new-key.ts'
import { startLyingIssuer } from '../support/lying-issuer.ts'
import { type Finished, run, start } from '../support/process.ts'
import { startSshd } from '../support/sshd.ts'
import { makeWorkspace } from '../support/workspace.ts'

/* docs/quick-start.md, walked: its commands and its YAML as they stand there, but for the places and the names. */
const project = join(import.meta.dirname, '..', '..')
const page = readFileSync(join(project, 'docs', 'quick-start.md'), 'utf8')
const steps = page.split(/^## \d+\. /m).slice(1)
const block = (step: number, language: 'sh' | 'yaml'): string => {
  const [, text] = new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'm').exec(steps[step - 1] ?? '') ?? []
  assert.ok(text !== undefined, `step ${step} has no ${language}`)
  return text
}

test('the quick start has ten steps', () => assert.equal(steps.length, 10))

test('the quick start, walked: from nothing to a login on a real sshd', async () => {
  using workspace = makeWorkspace()
  const folder = workspace.path('etc')
  await using issuer = await startLyingIssuer({
    accounts: { alice: { email: 'alice@example.com', groups: ['developers'] } },
    pollSeconds: 0.05,
  })
  await using sshd = await startSshd(workspace, newKey('nobody').publicKey)
  workspace.write('client_secret.txt', `${issuer.clientSecret}\n`)
  workspace.key('alice')
  const names: [string, string][] = [
    ['/etc/ssh/ssh_host_ed25519_key', workspace.path('sshd-host')],
    ['/etc/ssh/regate_ca.pub', workspace.path('sshd-ca.pub')],
    ['/etc/ssh/sshd_config', workspace.path('sshd-config')],
    ['sshd -t && systemctl reload ssh', `/usr/sbin/sshd -t -f ${workspace.path('sshd-config')}`],
    [' user_ca.pub', ` ${join(folder, 'keys', 'user_ca.pub')}`],
    ['/etc/regate', folder],
    ['https://idp.example.com', issuer.url],
    ['client_id: regate', `client_id: ${issuer.clientId}`],
    ['host: 10.0.3.7', `host: 127.0.0.1\n    port: ${sshd.port}`],
    ['ssh-ed25519 AAAA…', sshd.hostKey],
  ]
  const here = (text: string): string => names.reduce((so, [from, to]) => so.replaceAll(from, to), text)
  const shell = async (text: string): Promise<Finished> => {
    const done = await run('bash', ['-euc', here(text)], {
      cwd: workspace.folder,
      env: { PATH: `${join(project, 'bin')}:${process.env.PATH}` },
    })
    assert.equal(done.code, 0, `${text}\n${done.stdout}${done.stderr}`)
    return done
  }
  const configure = (change: object): void => {
    const path = join(folder, 'regate.yaml')
    writeFileSync(path, stringify({ ...parse(readFileSync(path, 'utf8')), ...change }))
  }

  await shell(block(3, 'sh'))
  configure({ gateway: { listen: '127.0.0.1:0', host_keys: ['keys/host_ed25519'] }, http: { listen: '127.0.0.1:0' } })
  configure(parse(here(block(4, 'yaml'))))
  await shell(block(4, 'sh'))
  const host = await shell(block(5, 'sh'))
  assert.ok(host.stdout.includes(sshd.hostKey))
  configure(parse(here(block(6, 'yaml'))))
  await shell(block(7, 'sh'))
  const checked = await shell(block(8, 'sh'))
  const names8 = (text: string) => [...text.matchAll(/^ *ok {6}([^:]+):/gm)].map(([, name]) => name)
  assert.deepEqual(names8(checked.stdout), names8(steps[7] ?? ''), 'check prints what the page says')

  const [program = '', ...args] = here(block(9, 'sh')).trim().split(' ')
  await using gateway = start(join(project, 'bin', program), args)
  const port = /:(\d+)","http"/.exec(await gateway.line(/"msg":"ready"/))?.[1] ?? ''
  const login = block(10, 'sh').trim().replace('2222', port).replace('gate.example.com', '127.0.0.1')
  const [ssh = '', ...words] = login.split(' ')
  const options = ['-i', workspace.path('alice'), '-o', 'IdentitiesOnly=yes', '-o', 'IdentityAgent=none', '-F', 'none']
  const known = ['-o', `UserKnownHostsFile=${workspace.path('known')}`, '-o', 'StrictHostKeyChecking=accept-new']
  const done = await run(ssh, [...options, ...known, ...words], {
    onLine: async (line) => {
      const [, code] = /Code {3}(\S+)/.exec(line) ?? []
      if (code !== undefined) await issuer.approve(code, 'alice')
    },
  })
  assert.deepEqual([done.code, /load average/.test(done.stdout)], [0, true], done.stderr)
  await sshd.process.line(/^Accepted certificate ID "alice.*\/.* via /)
  assert.equal(await gateway.stop(), 0)
})
