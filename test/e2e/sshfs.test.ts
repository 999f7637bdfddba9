import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Finished, type Running, run, start } from '../support/process.ts'
import { startWorld, type World } from '../support/world.ts'

/* A host's folder as a file system of the client's, by sshfs: its ssh signs in as any other, and each file is judged. */
const skip = existsSync('/dev/fuse') ? false : 'this machine has no /dev/fuse'

const sftp = (value: 'read' | 'write') => ({ ttl: 300, extensions: { 'permit-sftp@regate': value } }) as const

/** The host's folder `shared` as a folder of ours. It is there before ssh is: who has no login yet is shown a code meanwhile. */
async function mount(world: World, route: string, signsIn: boolean): Promise<Running & { readonly folder: string }> {
  const folder = world.workspace.path(`${route}-mounted`)
  mkdirSync(folder)
  const command = `ssh_command=ssh -F ${world.config}`
  const sshfs = start('sshfs', ['-f', '-o', command, `${route}:${world.sshd.home}/shared`, folder])
  if (signsIn) {
    const [, code = ''] = /Code {3}(\S+)/.exec(await sshfs.line(/Code {3}\S+/)) ?? []
    await world.issuer.approve(code, 'alice')
  }
  await mounted(folder)
  return Object.assign(sshfs, {
    folder,
    async [Symbol.asyncDispose]() {
      await run('fusermount3', ['-u', '-z', folder])
      await sshfs.stop()
    },
  })
}

/** Looks on until the kernel has it. The folder is for other processes to look into: this one would stand still with it. */
async function mounted(folder: string): Promise<void> {
  for (const most = Date.now() + 60_000; Date.now() < most; )
    if (readFileSync('/proc/mounts', 'utf8').includes(` ${folder} fuse.sshfs `)) return
    else await new Promise((resolve) => setTimeout(resolve, 50))
  throw new Error(`nothing is mounted at ${folder} after a minute`)
}

test('sshfs: a folder of the host, to read and to write as the certificate says', { skip }, async (t) => {
  await using world = await startWorld({ certificates: { write: sftp('write'), read: sftp('read') } })
  const shared = join(world.sshd.home, 'shared')
  mkdirSync(shared)
  writeFileSync(join(shared, 'greeting'), 'hello from the host\n')
  const inside = (folder: string, command: string): Promise<Finished> =>
    run('sh', ['-c', `cd '${folder}' && ${command}`])

  await t.test('to write', async () => {
    await using there = await mount(world, 'write', true)
    const rows: [command: string, says: string][] = [
      ['cat greeting', 'hello from the host\n'],
      ['seq 100000 > numbers && cat numbers | tail -n 1', '100000\n'],
      ['mkdir folder && mv numbers folder/ && ls folder', 'numbers\n'],
      ['rm -r folder && ls', 'greeting\n'],
    ]
    for (const [command, says] of rows) {
      const done = await inside(there.folder, command)
      assert.deepEqual([done.code, done.stdout], [0, says], [done.stderr, ...there.lines].join('\n'))
    }
  })
  await t.test('to read alone', async () => {
    await using there = await mount(world, 'read', false)
    assert.equal((await inside(there.folder, 'cat greeting; ls')).stdout, 'hello from the host\ngreeting\n')
    for (const command of ['echo x > new', 'echo x >> greeting', 'mkdir folder', 'rm greeting', 'chmod 600 greeting']) {
      const done = await inside(there.folder, command)
      assert.match(done.stderr, /Permission denied/, command)
    }
    assert.equal((await inside(there.folder, 'cat greeting; ls')).stdout, 'hello from the host\ngreeting\n')
  })
})

test('docs/clients.md names it', () => {
  const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'clients.md'), 'utf8')
  assert.ok(page.includes('| sshfs |'))
})
