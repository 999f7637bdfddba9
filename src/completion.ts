/** A verb of the command line as a shell completes it. */
export interface Verb {
  readonly name: string
  readonly about: string
  readonly verbs: readonly Verb[]
  readonly options: readonly VerbOption[]
  /** What its first argument can be; empty for anything. */
  readonly values: readonly string[]
}
export interface VerbOption {
  /** `--json` */
  readonly long: string
  /** `-c` */
  readonly short?: string
  readonly about: string
  readonly takes: 'nothing' | 'a value' | 'a file'
  /** What the value can be; empty for anything. */
  readonly values: readonly string[]
}
export const shells = ['bash', 'fish', 'zsh'] as const
export type Shell = (typeof shells)[number]

/**
 * A script that completes the verbs of `program`. It holds all that is to be known: completing runs nothing, and what was
 * typed so far is compared and never evaluated.
 */
export function completionScript(shell: Shell, program: Verb): string {
  const places = placesOf(program)
  return { bash, fish, zsh }[shell](program.name, places)
}

/** Where one can be: `regate decisions list`, and the verb that is there. */
interface Place {
  readonly path: string
  readonly verb: Verb
}
const placesOf = (verb: Verb, before: readonly string[] = []): Place[] => [
  { path: [...before, verb.name].join(' '), verb },
  ...verb.verbs.flatMap((inner) => placesOf(inner, [...before, verb.name])),
]

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
const names = ({ long, short }: VerbOption): string[] => (short === undefined ? [long] : [long, short])
const words = ({ verbs, options, values }: Verb): string[] => [
  ...verbs.map(({ name }) => name),
  ...values,
  ...options.flatMap(names),
]
/** Branches of a `case` over place and option: the values that an option takes there. */
const valueBranches = (places: readonly Place[], indent: string, give: (option: VerbOption) => string): string =>
  places
    .flatMap(({ path, verb }) =>
      verb.options
        .filter(({ takes }) => takes !== 'nothing')
        .map(
          (option) =>
            `${indent}${names(option)
              .map((name) => quoted(`${path} ${name}`))
              .join('|')}) ${give(option)} ;;`,
        ),
    )
    .join('\n')
const innerPaths = (places: readonly Place[]): string =>
  places
    .slice(1)
    .map(({ path }) => quoted(path))
    .join('|')

/** Of bash alone, without the package bash-completion. */
const bash = (name: string, places: readonly Place[]): string => `# bash completion for ${name}
_${name}() {
  local at=${name} index word=\${COMP_WORDS[COMP_CWORD]} known=
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "$at \${COMP_WORDS[index]}" in
      ${innerPaths(places)}) at="$at \${COMP_WORDS[index]}" ;;
    esac
  done
  case "$at \${COMP_WORDS[COMP_CWORD - 1]}" in
${valueBranches(places, '    ', ({ takes, values }) =>
  takes === 'a file'
    ? 'compopt -o default; return'
    : values.length === 0
      ? 'return'
      : `COMPREPLY=($(compgen -W ${quoted(values.join(' '))} -- "$word")); return`,
)}
  esac
  case "$at" in
${places.map(({ path, verb }) => `    ${quoted(path)}) known=${quoted(words(verb).join(' '))} ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$known" -- "$word"))
}
complete -F _${name} ${name}
`

const described = (name: string, about: string): string => quoted(`${name.replaceAll(':', '\\:')}:${about}`)

const zsh = (name: string, places: readonly Place[]): string => `#compdef ${name}
_${name}() {
  local at=${name} index
  local -a known
  for ((index = 2; index < CURRENT; index++)); do
    case "$at \${words[index]}" in
      ${innerPaths(places)}) at="$at \${words[index]}" ;;
    esac
  done
  case "$at \${words[CURRENT - 1]}" in
${valueBranches(places, '    ', ({ takes, values }) =>
  takes === 'a file'
    ? '_files; return'
    : values.length === 0
      ? 'return'
      : `compadd -- ${values.map(quoted).join(' ')}; return`,
)}
  esac
  case "$at" in
${places
  .map(({ path, verb }) => {
    const known = [
      ...verb.verbs.map((inner) => described(inner.name, inner.about)),
      ...verb.values.map(quoted),
      ...verb.options.map((option) => described(option.long, option.about)),
    ]
    return `    ${quoted(path)}) known=(${known.join(' ')}) ;;`
  })
  .join('\n')}
  esac
  _describe ${name} known
}
compdef _${name} ${name}
`

const fish = (name: string, places: readonly Place[]): string => `# fish completion for ${name}
function __${name}_at
  set -l at ${name}
  for word in (commandline -opc)[2..]
    switch "$at $word"
      case ${places
        .slice(1)
        .map(({ path }) => quoted(path))
        .join(' ')}
        set at "$at $word"
    end
  end
  echo $at
end
complete -c ${name} -f
${places.map((place) => fishPlace(name, place)).join('\n')}
`

function fishPlace(name: string, { path, verb }: Place): string {
  const here = `complete -c ${name} -n ${quoted(`test (__${name}_at) = "${path}"`)}`
  const option = ({ long, short, about, takes, values }: VerbOption): string => {
    const value =
      takes === 'a file'
        ? ' -r -F'
        : takes === 'nothing'
          ? ''
          : ` -x${values.length === 0 ? '' : ` -a ${quoted(values.join(' '))}`}`
    return `${here} -l ${long.slice(2)}${short === undefined ? '' : ` -s ${short.slice(1)}`}${value} -d ${quoted(about)}`
  }
  return [
    ...verb.verbs.map((inner) => `${here} -a ${inner.name} -d ${quoted(inner.about)}`),
    ...(verb.values.length === 0 ? [] : [`${here} -a ${quoted(verb.values.join(' '))}`]),
    ...verb.options.map(option),
  ].join('\n')
}
