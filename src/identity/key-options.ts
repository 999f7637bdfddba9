import { printable } from '../model/text.ts'

/**
 * The options at the head of a line of authorized_keys, read as OpenSSH does (auth-options.c, sshauthopt_parse; misc.c,
 * opt_dequote): `name="value"`, separated by commas, names in any letter case, no blank but within quotes; within them `\"`
 * is a quote and every other backslash one. All that is wrong is told; `after` is the rest of the line, or undefined when
 * nobody can say where it begins.
 */
export function readOptions(
  text: string,
  known: readonly string[],
  complain: (message: string) => void,
): { readonly options: ReadonlyMap<string, string>; readonly after: string | undefined } {
  const options = new Map<string, string>()
  const end = endOfOptions(text)
  if (end === undefined) {
    complain('a quote that does not end')
    return { options, after: undefined }
  }
  let rest = text.slice(0, end)
  while (rest !== '') {
    const [whole = '', name = '', value] = option.exec(rest) ?? []
    if (whole === '') {
      complain(`options do not read from here on: ${printable(rest, 60)}`)
      return { options, after: undefined }
    }
    take(name, value, options, known, complain)
    rest = rest.slice(whole.length)
    if (rest === '') break
    if (!/^,./.test(rest)) {
      complain(rest === ',' ? 'a comma after the last option' : `no comma between options: ${printable(rest, 60)}`)
      return { options, after: undefined }
    }
    rest = rest.slice(1)
  }
  return { options, after: text.slice(end).replace(/^[ \t]+/, '') }
}

const option = /^([A-Za-z0-9@._-]+)(?:="((?:\\"|[^"])*)")?/

function take(
  written: string,
  value: string | undefined,
  options: Map<string, string>,
  known: readonly string[],
  complain: (message: string) => void,
): void {
  const name = written.toLowerCase()
  if (!known.includes(name)) complain(`option ${printable(written, 60)} is not known; known here: ${known.join(', ')}`)
  else if (value === undefined) complain(`option ${name} wants a value: ${name}="…"`)
  else if (options.has(name)) complain(`option ${name} twice`)
  else options.set(name, value.replaceAll('\\"', '"'))
}

/** The first blank outside quotes (auth2-pubkeyfile.c by way of sshkey_advance_past_options). */
function endOfOptions(text: string): number | undefined {
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (!quoted && (character === ' ' || character === '\t')) return at
    if (character === '\\' && text[at + 1] === '"') at++
    else if (character === '"') quoted = !quoted
  }
  return quoted ? undefined : text.length
}
