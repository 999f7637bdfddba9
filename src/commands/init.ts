import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { newKey } from '../certificate/new-key.ts'
import { GatewayError } from '../model/errors.ts'
import { findProject } from '../project.ts'

/** Makes a working folder: configuration, keys, policies and their bundle. Never overwrites. Answers what to do next. */
export function init(folder: string): string {
  // The database will lie in it: nobody else may write there, whatever the umask.
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  const taken = ['regate.yaml', 'keys', 'policies', 'wasm'].filter((name) => existsSync(join(folder, name)))
  if (taken.length > 0)
    throw new GatewayError('FOLDER_TAKEN', `${folder} has ${taken.join(', ')} already: nothing was written`)
  const project = findProject()
  mkdirSync(join(folder, 'keys'), { mode: 0o700 })
  writeKey(folder, 'host_ed25519', 'regate host key')
  const ca = writeKey(folder, 'user_ca', 'regate user CA')
  const hostCa = writeKey(folder, 'host_ca', 'regate host CA')
  cpSync(join(project, 'policies'), join(folder, 'policies'), { recursive: true })
  mkdirSync(join(folder, 'wasm'))
  cpSync(join(project, 'wasm', 'bundle.tar.gz'), join(folder, 'wasm', 'bundle.tar.gz'))
  writeFileSync(join(folder, 'regate.yaml'), template, { mode: 0o640 })
  return next(folder, ca, hostCa)
}

function writeKey(folder: string, name: string, comment: string): string {
  const { privateKey, publicKey } = newKey(comment)
  const path = join(folder, 'keys', name)
  writeFileSync(path, privateKey, { mode: 0o600, flag: 'wx' })
  writeFileSync(`${path}.pub`, publicKey, { mode: 0o644, flag: 'wx' })
  return publicKey.trim()
}

const next = (
  folder: string,
  ca: string,
  hostCa: string,
): string => `Made ${folder}: regate.yaml, keys, policies and their bundle. Four things are left to do:

1. On each host, put this line into /etc/ssh/regate_ca.pub

     ${ca}

   and this one into /etc/ssh/sshd_config, then reload sshd:

     TrustedUserCAKeys /etc/ssh/regate_ca.pub

2. In ${join(folder, 'regate.yaml')}, say where people sign in (identity) and what they may ask for (routes).
   "regate check --scan" shows the host keys that your routes' hosts have.

3. In ${join(folder, 'policies')}/access, say who may do what; then build and start:

     regate policy build --policies ${join(folder, 'policies')} --output ${join(folder, 'wasm', 'bundle.tar.gz')}
     regate serve --config ${join(folder, 'regate.yaml')}

4. Whoever comes by ssh needs this line in /etc/ssh/ssh_known_hosts or ~/.ssh/known_hosts; write the names by which the
   gateway is known into gateway.host_names of regate.yaml:

     @cert-authority * ${hostCa}
`

const template = `# Regate's configuration. Paths are relative to this file; \${NAME} is taken from the environment.
# "regate check" says all that is wrong with it at once.

gateway:
  listen: 0.0.0.0:2222
  host_keys: [keys/host_ed25519]
  # host_names: [gate.example.com]    # by which clients connect

http:
  listen: 127.0.0.1:8022
  # Bearer tokens for the API; printf %s TOKEN | sha256sum gives the hash.
  tokens: []

ca:
  key: keys/user_ca
  host_key: keys/host_ca

certificate:
  max_ttl: 300            # seconds; no policy gets more
  source_address: auto    # certificates work from this gateway's address only

policy:
  bundle: wasm/bundle.tar.gz

identity:
  issuer: https://idp.example.com
  client_id: regate
  # client_secret_file: keys/client_secret
  username_claim: [preferred_username, email]
  groups_claim: groups
  login_ttl: 8h

store: sqlite:regate.db

# workers: 4              # processes; absent: one a core

routes:
  - name: db1
    host: 10.0.3.7
    labels: { env: prod, role: postgres }
    known_hosts: /etc/ssh/ssh_known_hosts
`
