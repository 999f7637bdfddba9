/** The gateway said no, or nothing. Exit code 1, or 2 when it was asked in a wrong way. */
export class ApiFailure extends Error {
  readonly exitCode: 1 | 2
  constructor(exitCode: 1 | 2, message: string, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}
