import { styleText } from 'node:util'
import { printableLines } from '../src/model/text.ts'

/** What a reader of the demo sees, from top to bottom. */
export interface Page {
  heading(text: string): void
  step(number: number, title: string): void
  /** As a person would type it; `background` lets the next one be typed while it runs. */
  command(words: readonly string[], background?: 'background'): void
  /** What is typed into the running command. */
  typed(text: string): void
  /** What a program has said. */
  output(text: string): void
  /** What the reader is told about it. */
  note(text: string): void
  decidedBy(text: string): void
  verdict(differences: readonly string[]): void
}

const narrowest = 60
const widest = 100

/** Lines of at most `columns` characters, between 60 and 100; styles are left out where the terminal takes none. */
export function makePage(write: (text: string) => void, columns?: number): Page {
  // Some terminals say 0.
  const width = Math.min(widest, Math.max(narrowest, columns || widest))
  const say = (text: string, before = '', then = before, style: Parameters<typeof styleText>[0] = []): void => {
    const lines = wrap(printableLines(text), width - Math.max(before.length, then.length))
    for (const [index, line] of lines.entries())
      write(`${`${index === 0 ? before : then}${line === '' ? '' : styleText(style, line)}`.trimEnd()}\n`)
  }
  return {
    heading: (text) => say(`\n${text}`, '', '', 'bold'),
    step: (number, title) => say(title, `\n${`${number}`.padStart(2)}  `, '    ', 'bold'),
    command: (words, background) =>
      say(`${words.map(quote).join(' ')}${background === undefined ? '' : ' &'}`, '    $ ', '      ', 'cyan'),
    typed: (text) => say(text.trimEnd(), '    > ', '    > ', 'cyan'),
    output: (text) => {
      if (text.trim() !== '') say(text.trimEnd(), '    | ')
    },
    note: (text) => say(text, '    '),
    decidedBy: (text) => say(text, '    decided by: ', '                '),
    verdict: (differences) => {
      if (differences.length === 0) return say('ok', '    ', '    ', 'green')
      say('DIFFERS', '    ', '    ', 'red')
      for (const difference of differences) say(difference, '      - ', '        ', 'red')
    },
  }
}

/** At blanks where there are any, and anywhere else in words that are longer than a line; a line's indent is kept. */
export function wrap(text: string, width: number): string[] {
  return text.split('\n').flatMap((line) => wrapLine(line, width))
}

function wrapLine(line: string, width: number): string[] {
  const lines: string[] = []
  let rest = line
  while (rest.length > width) {
    const indent = rest.search(/\S/)
    const blank = rest.lastIndexOf(' ', width)
    const at = blank > indent ? blank : width
    lines.push(rest.slice(0, at))
    rest = rest.slice(at).replace(/^ /, '')
  }
  return [...lines, rest]
}

/** As a shell reads it back. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
