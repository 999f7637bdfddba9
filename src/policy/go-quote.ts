/** Go's quoting (package strconv), in which OPA shows strings to people. */

const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u
const named: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
}

/** strconv.Quote; with `asciiOnly` strconv.QuoteToASCII. */
export function quote(text: string, asciiOnly = false): string {
  if (/^[ !#-[\]-~]*$/.test(text)) return `"${text}"`
  return `"${Array.from(text, (character) => escapeCharacter(character, '"', asciiOnly)).join('')}"`
}

/** strconv.QuoteRune, of one code point. */
export const quoteCharacter = (character: string, asciiOnly = false): string =>
  `'${escapeCharacter(character, "'", asciiOnly)}'`

/** strconv.IsPrint: letters, marks, numbers, punctuation, symbols, and of blanks the ASCII one. */
export const isPrint = (character: string): boolean => printable.test(character)

/** strconv.CanBackquote: one line without control characters or backquotes. */
export const canBackquote = (text: string): boolean => !/[\x00-\x08\x0a-\x1f`\x7f\ufeff]/.test(text)

function escapeCharacter(character: string, mark: string, asciiOnly: boolean): string {
  if (character === mark || character === '\\') return `\\${character}`
  const code = character.codePointAt(0) ?? 0
  if (isPrint(character) && (!asciiOnly || code < 0x80)) return character
  const known = named[character]
  if (known !== undefined) return known
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`
  if (code >= 0xd800 && code <= 0xdfff) return '\\ufffd'
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`
}
