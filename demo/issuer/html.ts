/** Markup that may stand in a page as it is. */
export interface Html {
  readonly markup: string
}

type Part = string | Html | readonly Html[]

/** Markup with values in it; every text among them is escaped. */
export function html(pieces: TemplateStringsArray, ...parts: Part[]): Html {
  return { markup: pieces.map((piece, at) => piece + markupOf(parts[at] ?? '')).join('') }
}

function markupOf(part: Part): string {
  if (typeof part === 'string') return part.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
  return 'markup' in part ? part.markup : part.map((each) => each.markup).join('')
}
