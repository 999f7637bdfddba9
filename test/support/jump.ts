import { type Finished, run } from './process.ts'
import type { Workspace } from './workspace.ts'
import type { GatewayProcess, World } from './world.ts'

/** More of a world whose gateway has a host CA: what its configuration then says. */
export function hostCa({ workspace }: Pick<World, 'workspace'>) {
  workspace.key('host_ca')
  return { ca: { key: 'user_ca', host_key: 'host_ca' }, gateway: { host_names: ['127.0.0.1'] } }
}

/** `Host gate` is the gateway; every other host is reached by whatever -J says. known_hosts has one line: the host CA. */
export function writeJumpConfig(workspace: Workspace, { sshPort }: Pick<GatewayProcess, 'sshPort'>): string {
  const [type, key] = workspace.read('host_ca.pub').split(' ')
  workspace.write('known_ca', `@cert-authority * ${type} ${key}\n`)
  return workspace.write(
    'jump_config',
    [
      'Host gate gate2 other-gate',
      'HostName 127.0.0.1',
      `Port ${sshPort}`,
      'User alice',
      'Host hop',
      'HostName 127.0.0.1',
      `Port ${sshPort}`,
      'User postgres@db1',
      'Host regate',
      'HostName 127.0.0.1',
      `Port ${sshPort}`,
      'User regate',
      'Host other-gate',
      `IdentityFile ${workspace.path('bob')}`,
      'Host *',
      `IdentityFile ${workspace.path('alice')}`,
      'User postgres',
      'IdentitiesOnly yes',
      'IdentityAgent none',
      `UserKnownHostsFile ${workspace.path('known_ca')}`,
      'GlobalKnownHostsFile /dev/null',
      'StrictHostKeyChecking yes',
    ].join('\n'),
  )
}

/** Runs a command in a shell, in which $F is the configuration and $W the workspace; codes are approved one after another. */
export const jumping = (world: World, config: string, command: string, who: readonly string[] = ['alice']) => {
  let codes = 0
  return run('bash', ['-c', command], {
    env: { F: config, W: world.workspace.folder },
    onLine: async (line) => {
      const [, code] = /Code {3}(\S+)/.exec(line) ?? []
      if (code !== undefined) await world.issuer.approve(code, who[Math.min(codes++, who.length - 1)] ?? 'alice')
    },
  }) satisfies Promise<Finished>
}
