/**
 * Patterns with `*`, matched over byte strings: texts whose characters are the bytes U+0000 to U+00FF, so that what was
 * not UTF-8 is compared as it came.
 */
export type ByteString = string & { readonly kind: 'byte-string' }

/** `star` is any run of characters but `/`, `deep` any run at all, everything else one character of its own. */
type Token = { readonly star: boolean; readonly deep: boolean; readonly character: string }
export interface Glob {
  readonly text: string
  readonly tokens: readonly Token[]
}

export const byteString = (bytes: Uint8Array): ByteString => Buffer.from(bytes).toString('latin1') as ByteString
export const byteStringOf = (text: string): ByteString => byteString(Buffer.from(text, 'utf8'))

/** `*` stops at `/`, `**` does not. Nothing else is special. */
export function parseGlob(text: string): Glob {
  const parts = byteStringOf(text).match(/\*\*+|\*|[^*]/gs) ?? []
  const tokens = parts.map((part) => ({ star: part.startsWith('*'), deep: part.length > 1, character: part }))
  return { text, tokens }
}

export const isLiteral = (glob: Glob): boolean => glob.tokens.every((token) => !token.star)

/** Takes time in proportion to the product of both lengths, whatever they hold. */
export function globMatches(glob: Glob, text: ByteString): boolean {
  // reached[i]: the tokens so far can stand for the first i characters
  let reached = new Array<boolean>(text.length + 1).fill(false)
  reached[0] = true
  for (const token of glob.tokens) {
    const next = new Array<boolean>(text.length + 1).fill(false)
    for (let at = 0; at <= text.length; at++) {
      if (token.star)
        next[at] = reached[at] === true || (at > 0 && next[at - 1] === true && passes(token, text[at - 1]))
      else next[at] = at > 0 && reached[at - 1] === true && text[at - 1] === token.character
    }
    reached = next
  }
  return reached[text.length] === true
}

const passes = (token: Token, character: string | undefined): boolean => token.deep || character !== '/'

/** Whether the path, or what an option carries, steps upward: such a text is held against no pattern with a star in it. */
export const stepsUp = (text: ByteString): boolean => text.split(/[/=:,]/).includes('..')
