import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/** Characters of a line that are kept together; a longer one is passed on in pieces. */
const lineMost = 1024 * 1024

/** Hands on what a process writes, line by line: of two processes that write long lines to one pipe these would mix. */
export function passLines(from: Readable, write: (line: string) => void): void {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  const take = (text: string): void => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) write(`${line}\n`)
    if (rest.length <= lineMost) return
    write(`${rest}\n`)
    rest = ''
  }
  from.on('data', (bytes: Buffer) => take(decoder.write(bytes)))
  from.on('error', () => {}) // told by its end
  from.once('close', () => {
    const last = rest + decoder.end()
    if (last !== '') write(`${last}\n`)
  })
}
