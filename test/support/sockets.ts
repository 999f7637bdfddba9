import { once } from 'node:events'
import { connect, createServer } from 'node:net'

export type Place = { readonly port: number } | { readonly path: string }

/** Says what it got, once the other side has said that there is no more: half-close in both directions. */
export async function echoServer(at: Place): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer({ allowHalfOpen: true }, async (socket) => {
    socket.on('error', () => {})
    let length = 0
    let head = ''
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      if (head.length < 64) head = (head + chunk.toString('latin1')).slice(0, 64)
      length += chunk.length
    }
    socket.end(`${length} ${head.slice(0, 16)}`)
  })
  server.on('error', () => {})
  server.listen('path' in at ? at : { ...at, host: '127.0.0.1' })
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { port, [Symbol.asyncDispose]: async () => void server.close() }
}

/** What the server at the other end of a forward says to `text`; empty when nobody answers. */
export async function ask(at: Place, text: string | Buffer = 'hi'): Promise<string> {
  const socket = connect(
    'path' in at ? { ...at, allowHalfOpen: true } : { ...at, host: '127.0.0.1', allowHalfOpen: true },
  )
  socket.end(text)
  let answer = ''
  try {
    for await (const chunk of socket) answer += chunk
  } catch {
    return ''
  }
  return answer
}
