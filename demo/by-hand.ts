import { regate } from './gateway.ts'
import { quote } from './page.ts'
import type { Stage } from './stage.ts'
import { contractorsCommand } from './tour/contractor.ts'

/** Commands to go on with, whole, for another terminal. */
export function byHand({ folder, login, gateway, decisions }: Stage): string {
  const config = quote(folder.at('ssh_config'))
  const token = quote(`@${folder.at('token')}`)
  const proxied = ['http_proxy', 'all_proxy', 'ALL_PROXY'].some((name) => process.env[name])
  const curl = proxied ? "curl -sS --noproxy '*'" : 'curl -sS'
  const operator = `--url ${gateway.url} --token-file ${quote(folder.at('operator_token'))}`
  const commands = [
    [
      'a shell; the page to sign in at appears, and there you choose who to be',
      `ssh -F ${config} ${login}@staging@gate`,
    ],
    ['the other host, without the browser', `ssh -F ${config} ${login}@db1@gate hostname`],
    ['the menu, once you have signed in with that key', `ssh -F ${config} gate`],
    ['the gateway as a jump host', `ssh -F ${config} -J gate ${login}@db1 hostname`],
    ['a copy', `scp -F ${config} ${login}@staging@gate:/etc/passwd ${quote(folder.at('copy'))}`],
    [
      'without a key, which makes you sign in each time: be bob, then carol',
      `ssh -F ${config} -o PubkeyAuthentication=no ${login}@staging@gate ${quote(contractorsCommand)}`,
    ],
    ['frozen for everyone', `ssh -F ${config} ${login}@billing@gate`],
    ['the newest decision, whole', `${curl} -H ${token} '${decisions.url}?limit=1'`],
    [
      'who is connected; sessions end, logins list and logins revoke go the same way',
      `${quote(regate)} sessions list ${operator}`,
    ],
    ['what gateway, hosts and identity provider say', `tail -f ${quote(folder.path)}/*.log`],
  ]
  return commands.map(([what, command]) => `  # ${what}\n  ${command}\n`).join('\n')
}
