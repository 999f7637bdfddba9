/**
 * Patterns with `*`, matched over byte strings: texts whose characters are the bytes U+0000 to U+00FF, so that what was
 * not UTF-8 is compared as it came.
 */
export type ByteString = string & { readonly kind: 'byte-string' }

export interface Glob {
  readonly text: string
  /** As bytes. `*` is any run of characters but `/`, `**` any run at all, everything else a character of its own. */
  readonly pattern: ByteString
}

export const byteString = (bytes: Uint8Array): ByteString => Buffer.from(bytes).toString('latin1') as ByteString
export const byteStringOf = (text: string): ByteString => byteString(Buffer.from(text, 'utf8'))

/** `*` stops at `/`, `**` does not. Nothing else is special. */
export function parseGlob(text: string): Glob {
  return { text, pattern: byteStringOf(text).replace(/\*{3,}/g, '**') as ByteString }
}

export const isLiteral = (glob: Glob): boolean => !glob.pattern.includes('*')

const star = 0x2a
const slash = 0x2f
const none = -1

/**
 * Goes through both texts once, and back to the last star alone when they part.
 *
 * That is enough: behind a star the earliest place is as good as any later one that it reaches, since a star that comes
 * after reaches on from there; only a `/` stops that, and then no star before reaches further either. A `**` then takes up
 * to that `/` and what follows it is looked for anew.
 */
export function globMatches({ pattern }: Glob, text: ByteString): boolean {
  let inPattern = 0
  let inText = 0
  // Where the pattern goes on behind the last `*` and the last `**`, and the first character that they have not taken.
  let single = none
  let singleEnd = 0
  let double = none
  let doubleEnd = 0
  while (inPattern < pattern.length || inText < text.length) {
    if (pattern.charCodeAt(inPattern) === star) {
      const deep = pattern.charCodeAt(inPattern + 1) === star
      inPattern += deep ? 2 : 1
      single = deep ? none : inPattern
      if (deep) [double, doubleEnd] = [inPattern, inText]
      else singleEnd = inText
    } else if (inText < text.length && pattern.charCodeAt(inPattern) === text.charCodeAt(inText)) {
      inPattern++
      inText++
    } else if (single !== none && singleEnd < text.length && text.charCodeAt(singleEnd) !== slash) {
      inPattern = single
      inText = ++singleEnd
    } else if (double !== none && doubleEnd < text.length && (single === none || singleEnd < text.length)) {
      doubleEnd = single === none ? doubleEnd + 1 : text.indexOf('/', doubleEnd) + 1
      single = none
      inPattern = double
      inText = doubleEnd
    } else return false
  }
  return true
}

/** Whether the path, or what an option carries, steps upward: such a text is held against no pattern with a star in it. */
export const stepsUp = (text: ByteString): boolean => /(?:^|[/=:,])\.\.(?:$|[/=:,])/.test(text)
