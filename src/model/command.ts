import { type ByteString, type Glob, globMatches, isLiteral, parseGlob, stepsUp } from './glob.ts'

/** `permit-exec@regate`: which commands may run. */
export type CommandRule =
  | { readonly kind: 'anything' }
  | { readonly kind: 'patterns'; readonly patterns: readonly CommandPattern[] }
/** A word for each of the command's; with `rest`, any number of words more that do not begin with `-`. */
export interface CommandPattern {
  readonly text: string
  readonly words: readonly WordPattern[]
  readonly rest: boolean
}
type WordPattern =
  | { readonly kind: 'operand' } // `*`
  | { readonly kind: 'option' } // `-*`
  | { readonly kind: 'glob'; readonly glob: Glob }

/** The list `["*"]` alone is any command at all, also one that does not read as words. */
export function parseCommands(texts: readonly string[]): CommandRule | undefined {
  if (texts.length === 1 && texts[0] === '*') return { kind: 'anything' }
  const patterns = texts.map(parseCommandPattern).filter((pattern) => pattern !== undefined)
  return patterns.length === texts.length ? { kind: 'patterns', patterns } : undefined
}

function parseCommandPattern(text: string): CommandPattern | undefined {
  const words = text.split(' ')
  const rest = words.at(-1) === '**'
  if (rest) words.pop()
  if (words.length === 0 || words.some((word) => !isPatternWord(word))) return undefined
  return { text, words: words.map(parseWordPattern), rest }
}

/** Nothing a shell would treat in its own way but `*`, and that never doubled: a pattern is no script. */
const isPatternWord = (word: string): boolean =>
  word !== '' && !/[;&|<>$\\(){}[\]?~#!`'"\s\p{C}]/u.test(word) && !word.includes('**')

function parseWordPattern(word: string): WordPattern {
  if (word === '*') return { kind: 'operand' }
  return word === '-*' ? { kind: 'option' } : { kind: 'glob', glob: parseGlob(word) }
}

/** Bytes of a command that is held against patterns; a longer one is any command at all or none. */
const commandMost = 16_384

export function commandMatches(rule: CommandRule, command: ByteString): boolean {
  if (rule.kind === 'anything') return true
  const words = command.length > commandMost ? undefined : splitCommand(command)
  return words !== undefined && rule.patterns.some((pattern) => patternMatches(pattern, words))
}

function patternMatches(pattern: CommandPattern, words: readonly ByteString[]): boolean {
  if (pattern.rest ? words.length < pattern.words.length : words.length !== pattern.words.length) return false
  return words.every((word, index) => wordMatches(pattern.words[index] ?? { kind: 'operand' }, word))
}

function wordMatches(pattern: WordPattern, word: ByteString): boolean {
  if (pattern.kind === 'glob' && isLiteral(pattern.glob)) return globMatches(pattern.glob, word)
  if (stepsUp(word)) return false
  switch (pattern.kind) {
    case 'operand':
      return !word.startsWith('-')
    case 'option':
      return word.startsWith('-')
    case 'glob':
      return globMatches(pattern.glob, word)
  }
}

/** One word of plain and quoted pieces, or the blanks between two. Whatever fits neither ends the reading. */
const piece = /[A-Za-z0-9_@%+=:,./-]+|'[^'\\!\x00-\x1f\x7f]*'|"[^"$\\!`\x00-\x1f\x7f]*"/y
const blanks = / +/y

/**
 * The words a POSIX shell would make of the command, if every shell makes the same ones: plain, '…' and "…" words only.
 *
 * Undefined as soon as a shell could do more than split: an operator, an expansion, an escape, a control character, a
 * byte beyond ASCII outside quotes (a blank in some locales), an unbalanced quote, or an assignment before the command.
 * In '…' too neither `\` (which fish takes for an escape) nor `!` (history in csh).
 */
export function splitCommand(command: ByteString): ByteString[] | undefined {
  const words: string[] = []
  let at = skip(blanks, command, 0)
  while (at < command.length) {
    const start = at
    let word = ''
    for (let end = skip(piece, command, at); end > at; at = end, end = skip(piece, command, at))
      word += unquoted(command.slice(at, end))
    const next = skip(blanks, command, at)
    if (at === start || (next === at && at < command.length)) return undefined
    if (words.length === 0 && command.slice(start, at).includes('=')) return undefined
    words.push(word)
    at = next
  }
  return words.length === 0 ? undefined : (words as ByteString[])
}

function skip(what: RegExp, text: string, at: number): number {
  what.lastIndex = at
  return what.test(text) ? what.lastIndex : at
}

const unquoted = (text: string): string => (/^['"]/.test(text) ? text.slice(1, -1) : text)
