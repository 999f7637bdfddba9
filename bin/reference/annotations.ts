import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** A rule that has an annotation. */
export interface Described {
  /** `mfa_within(most)`; without arguments for what is no function. */
  readonly signature: string
  readonly description: string
  readonly isEntrypoint: boolean
}

/** As much of the syntax tree as is read (`opa parse --format json`). */
interface Tree {
  readonly rules?: readonly {
    readonly head: { readonly name: string; readonly args?: readonly { readonly value: unknown }[] }
    readonly annotations?: readonly {
      readonly description?: string
      readonly entrypoint?: boolean
    }[]
  }[]
}

/** What a Rego file says of its rules, in their order. Needs OPA: that of the checkout, or the one on the PATH. */
export function describedRules(path: string, root: string): Described[] {
  const own = join(root, '.tools', 'bin', 'opa')
  const opa = existsSync(own) ? own : 'opa'
  const tree = JSON.parse(execFileSync(opa, ['parse', '--format', 'json', path], { encoding: 'utf8' })) as Tree
  const described = (tree.rules ?? []).flatMap(({ head, annotations = [] }) =>
    annotations.flatMap(({ description, entrypoint = false }) =>
      description === undefined
        ? []
        : [{ signature: signatureOf(head), description: oneLine(description), isEntrypoint: entrypoint }],
    ),
  )
  // A document of several rules has what is said of it at each of them.
  return [...new Map(described.map((rule) => [rule.signature, rule])).values()]
}

const signatureOf = ({ name, args }: { name: string; args?: readonly { value: unknown }[] }): string =>
  args === undefined ? name : `${name}(${args.map(({ value }) => value).join(', ')})`

const oneLine = (text: string): string => text.trim().replaceAll(/\s+/g, ' ')
