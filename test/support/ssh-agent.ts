import { rmSync } from 'node:fs'
import { type Finished, type Running, run, start, upBy } from './process.ts'
import type { Workspace } from './workspace.ts'

/** A real ssh-agent. */
export interface SshAgent extends AsyncDisposable {
  readonly path: string
  /** Runs ssh-add: the name of a key of the workspace, or `-D`, `-x` and the like. */
  add(...args: string[]): Promise<Finished>
  /** Without a goodbye: its socket stays behind. */
  kill(): Promise<void>
}

export async function startSshAgent(workspace: Workspace, ...keys: string[]): Promise<SshAgent> {
  const path = workspace.path('agent')
  rmSync(path, { force: true })
  const agent: Running = start('ssh-agent', ['-D', '-a', path])
  await upBy(agent, /SSH_AUTH_SOCK/)
  const add = (...args: string[]): Promise<Finished> =>
    run('ssh-add', ['-q', ...args], { env: { SSH_AUTH_SOCK: path }, cwd: workspace.folder })
  for (const key of keys) await add(key)
  return {
    path,
    add,
    kill: async () => void (await agent.stop('SIGKILL')),
    [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose](),
  }
}
