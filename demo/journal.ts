import { createWriteStream, type WriteStream } from 'node:fs'

/** What one part says, line by line; kept in a file as well, which can be followed while the demo runs. */
export class Journal implements Disposable {
  readonly lines: string[] = []
  readonly #file: WriteStream
  readonly #waiting = new Set<() => void>()

  constructor(path: string) {
    this.#file = createWriteStream(path, { mode: 0o600 })
    this.#file.on('error', () => {}) // the lines above are what counts
  }

  add(line: string): void {
    this.lines.push(line)
    this.#file.write(`${line}\n`)
    for (const look of this.#waiting) look()
  }

  /** The first line that matches, past or to come; `from` is the number of lines before, which do not count. */
  line(pattern: RegExp, signal: AbortSignal, from = 0): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = this.lines.find((line, index) => index >= from && pattern.test(line))
        if (found === undefined && !signal.aborted) return
        this.#waiting.delete(look)
        signal.removeEventListener('abort', look)
        if (found !== undefined) resolve(found)
        else reject(signal.reason)
      }
      this.#waiting.add(look)
      signal.addEventListener('abort', look)
      look()
    })
  }

  [Symbol.dispose](): void {
    this.#file.end()
  }
}
