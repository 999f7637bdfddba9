import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'

/** The least that is looked at. */
const first = 10_000

/**
 * A port on 127.0.0.1 that nobody listened on a moment ago. It is none of those that the kernel gives to connections, and to whoever
 * asks for any: nobody is given it before it is used.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = first + Math.floor(Math.random() * (firstGiven() - first))
    if (await isFree(port)) return port
  }
}

/** Of the ports that the kernel gives (ip(7), ip_local_port_range). */
function firstGiven(): number {
  const usual = 32_768
  try {
    return Math.max(2 * first, Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s/)[0]))
  } catch {
    return usual
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
