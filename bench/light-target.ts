/*
 * A target that is one process however many sessions it has: ssh2's server lets everybody in, and every command is `cat`.
 * For thousands of sessions, of which each would be two processes of sshd. Started by memory.ts.
 */
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { Server } from '../src/ssh/ssh2.ts'

const [hostKey = ''] = process.argv.slice(2)
const server = new Server({ hostKeys: [readFileSync(hostKey)] }, (client) => {
  client
    .on('error', () => {})
    .on('authentication', (context) => context.accept())
    .on('session', (accept) =>
      accept().on('exec', (accept) => {
        const channel = accept()
        channel.on('error', () => {}).pipe(channel)
      }),
    )
}).listen(0, '127.0.0.1', () => console.log(`port ${(server.address() as AddressInfo).port}`))
