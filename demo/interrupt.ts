const numbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const

/** Somebody wants the demo to end before it is over. */
export class Interrupted extends Error {
  /** As shells count it. */
  readonly exitCode: number
  constructor(what: string, exitCode: number) {
    super(what)
    this.exitCode = exitCode
  }
}

/** Aborts with Interrupted on Ctrl-C and its like, or when nobody reads the output any more. From then on they are ignored. */
export function interruption(): AbortSignal {
  const interrupt = new AbortController()
  for (const [name, number] of Object.entries(numbers))
    process.on(name, () => interrupt.abort(new Interrupted(name, 128 + number)))
  process.stdout.on('error', () => interrupt.abort(new Interrupted('nobody reads the output', 128 + 13)))
  return interrupt.signal
}
