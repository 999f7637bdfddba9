import type { Folder } from './folder.ts'
import type { Account } from './issuer/accounts.ts'

/** Who can sign in, and what their groups give them (policies/access). */
export const accounts = {
  alice: { email: 'alice@example.com', groups: ['developers'] },
  bob: { email: 'bob@example.com', groups: ['contractors'] },
  carol: { email: 'carol@example.com', groups: [] },
} satisfies Record<string, Account>

export type Person = keyof typeof accounts
/** Files for `ssh -F`: one for each person, with their key, and one whose key nobody has signed in with. */
export type Client = Person | 'ssh_config'
const clients: readonly Client[] = ['alice', 'bob', 'carol', 'ssh_config']

/**
 * What stands in a person's `~/.ssh`, so that nobody's own is touched: the gateway's address, a key, and one line by which
 * the gateway and every host behind it are known.
 */
export function writeClients(folder: Folder, port: number): void {
  const [type, key] = folder.read('host_ca.pub').split(' ')
  folder.write('known_hosts', `@cert-authority * ${type} ${key}\n`)
  for (const client of clients) {
    folder.key(`${client}_key`)
    folder.write(client, clientConfig(folder, port, `${client}_key`))
  }
}

function clientConfig(folder: Folder, port: number, key: string): string {
  return [
    'Host gate',
    '  HostName 127.0.0.1',
    `  Port ${port}`,
    'Host *',
    `  IdentityFile "${folder.at(key)}"`,
    '  IdentitiesOnly yes',
    '  IdentityAgent none',
    `  UserKnownHostsFile "${folder.at('known_hosts')}"`,
    '  GlobalKnownHostsFile /dev/null',
    '  StrictHostKeyChecking yes',
    '',
  ].join('\n')
}
