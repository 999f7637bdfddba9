import { GatewayError } from './model/errors.ts'

/** A fault of the file: `regate.yaml:12:5 gateway.listen`, and what is wrong there. */
export interface ConfigProblem {
  readonly where: string
  readonly message: string
  /** Of the place in the file, in characters. */
  readonly offset: number
}

/** The configuration file does not say what it must; every fault of it, in the order of the file. */
export class ConfigError extends GatewayError {
  readonly problems: readonly ConfigProblem[]
  constructor(found: readonly ConfigProblem[]) {
    const problems = found.toSorted((one, other) => one.offset - other.offset)
    super('CONFIG_INVALID', problems.map(({ where, message }) => `${where}: ${message}`).join('\n'))
    this.problems = problems
  }
}
