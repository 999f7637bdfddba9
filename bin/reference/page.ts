import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Described, describedRules } from './annotations.ts'
import { type Row, rowsOf, type Schema, wordsFor } from './schema-rows.ts'

/** docs/policy-reference.md: from policies/schemas/ssh, and from the annotations of policies/ssh. Needs OPA. */
export function policyReference(root: string): string {
  const schema = (name: string): Schema =>
    JSON.parse(readFileSync(join(root, 'policies', 'schemas', 'ssh', `${name}.json`), 'utf8')) as Schema
  const decision = schema('decision')
  return `${[
    ...introduction,
    ...input(schema('input')),
    ...decisions(decision),
    ...certificate(field(branch(decision, 'outcome', 'allow'), 'certificate')),
    ...packageOf(join(root, 'policies', 'ssh', 'decision.rego'), root),
    ...library(join(root, 'policies', 'ssh', 'lib'), root),
  ].join('\n')}\n`
}

const introduction = [
  '# Policy reference',
  '',
  'Contract `ssh/v1`, field by field. This page is generated (`make policy-reference`) from `policies/schemas/ssh` and from',
  'what stands above the rules in `policies/ssh`; [policies.md](policies.md) explains how it is used. A `?` marks a field that',
  'may be absent; none is ever null.',
]

function input(schema: Schema): string[] {
  const objects = Object.entries(schema.properties ?? {})
  return [
    ...title('##', 'Input'),
    'What the policy is asked with. A part that is absent, such as `input.identity` before the sign-in, is undefined in Rego.',
    ...objects.flatMap(([name, part]) => {
      const mark = schema.required?.includes(name) === true ? '' : '?'
      const rows = rowsOf(part)
      return [
        ...title('###', `\`input.${name}\`${mark}`),
        sentence(part.description ?? '', rows.length === 0 ? wordsFor(part) : undefined),
        ...(rows.length === 0 ? [] : table(rows)),
      ]
    }),
  ]
}

function decisions(schema: Schema): string[] {
  const branches = schema.anyOf ?? []
  const names = new Set(branches.flatMap(({ properties = {} }) => Object.keys(properties)))
  const rows = [...names].map((name) => {
    const holding = branches.filter(({ properties = {} }) => name in properties)
    const always = holding.every(({ required = [] }) => required.includes(name))
    const values = new Set(holding.map((each) => wordsFor(field(each, name))))
    return {
      field: `${name}${always ? '' : '?'}`,
      value: links[name] ?? [...values].join(' or '),
      with: holding.map((each) => field(each, 'outcome').const).join(', '),
      description: holding.map((each) => field(each, name).description).find(Boolean) ?? '',
    }
  })
  const challenge = branch(schema, 'outcome', 'challenge')
  const requirements = field(challenge, 'require').items?.anyOf ?? []
  return [
    ...title('##', 'Decision'),
    'What `ssh/decision` answers. A key that is not named here, anywhere in it, denies.',
    '',
    '| field | value | stands with | |',
    '|---|---|---|---|',
    ...rows.map((row) => line(`\`${row.field}\``, row.value, row.with, row.description)),
    ...title('###', 'Reasons'),
    'Why, for the log; the message is told to the person.',
    ...table(rowsOf(field(challenge, 'reasons').items ?? {})),
    ...title('###', 'Requirements'),
    'What is missing at the door.',
    ...requirements.flatMap((requirement) => [
      '',
      sentence(
        requirement.description ?? 'a sign-in',
        `\`{"type": ${JSON.stringify(field(requirement, 'type').const)}}\``,
      ),
      ...table(rowsOf(requirement).filter((row) => row.field !== 'type')),
    ]),
  ]
}

const links: Readonly<Record<string, string>> = {
  reasons: 'list, at most 64, of [reasons](#reasons)',
  require: 'list, 1 to 16, of [requirements](#requirements)',
  certificate: '[the certificate](#certificate)',
}

function certificate(schema: Schema): string[] {
  const [options, extensions] = [field(schema, 'critical_options'), field(schema, 'extensions')]
  const own = rowsOf(schema).filter(({ field }) => !/^(critical_options|extensions)\b/.test(field))
  return [
    ...title('##', 'Certificate'),
    'What a grant writes. What is not named stays closed.',
    ...table(own),
    ...title('###', 'Critical options'),
    '`critical_options`, by OpenSSH’s names.',
    ...table(rowsOf(options)),
    ...title('###', 'Extensions'),
    '`extensions`: names with `@regate` are the gateway’s own to enforce, the others sshd’s as well. Flags have the value `""`;',
    'an empty list opens nothing.',
    ...table(rowsOf(extensions)),
  ]
}

function packageOf(path: string, root: string): string[] {
  const rules = describedRules(path, root)
  return [
    ...title('##', 'Package `ssh`'),
    'The four sets that any file of the package adds to:',
    ...ruleTable(rules.filter(({ isEntrypoint }) => !isEntrypoint)),
    '',
    'And what the gateway asks for:',
    ...ruleTable(rules.filter(({ isEntrypoint }) => isEntrypoint)),
  ]
}

function library(folder: string, root: string): string[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.rego') && !name.endsWith('_test.rego'))
  return [
    ...title('##', 'Library `data.ssh.lib`'),
    'Each statement is undefined when a fact is missing: a grant that rests on it is not offered, and `not lib.…` denies.',
    ...files
      .toSorted()
      .flatMap((name) => [
        ...title('###', `\`${name}\``).slice(0, -1),
        ...ruleTable(describedRules(join(folder, name), root)),
      ]),
  ]
}

// Markdown

const title = (level: string, text: string): string[] => ['', `${level} ${text}`, '']

const table = (rows: readonly Row[]): string[] => [
  '',
  '| field | value | |',
  '|---|---|---|',
  ...rows.map(({ field, value, description }) => line(`\`${field}\``, value, description)),
]

const line = (...cells: readonly string[]): string =>
  `|${cells.map((cell) => (cell === '' ? ' ' : ` ${cell.replaceAll('|', '\\|')} `)).join('|')}|`

const ruleTable = (rules: readonly Described[]): string[] => [
  '',
  '| | |',
  '|---|---|',
  ...rules.map(({ signature, description }) => line(`\`${signature}\``, description)),
]

/** `text`, and after it `value` where there is one: as a sentence. */
function sentence(text: string, value?: string): string {
  const all = [text, value].filter((part) => part !== undefined && part !== '').join(': ')
  return `${all.charAt(0).toUpperCase()}${all.slice(1)}.`
}

// Schemas

function field(schema: Schema, name: string): Schema {
  const found = schema.properties?.[name]
  if (found === undefined) throw new Error(`the schema has no ${name}`)
  return found
}

function branch(schema: Schema, name: string, value: string): Schema {
  const found = schema.anyOf?.find((each) => each.properties?.[name]?.const === value)
  if (found === undefined) throw new Error(`the schema has no ${name} ${value}`)
  return found
}
