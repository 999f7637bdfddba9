/** What a key means to the menu; `text` is one character of printable ASCII. */
export type Key = { readonly kind: 'text'; readonly text: string } | { readonly kind: Named }
type Named =
  | 'up'
  | 'down'
  | 'page-up'
  | 'page-down'
  | 'home'
  | 'end'
  | 'enter'
  | 'escape'
  | 'backspace'
  | 'tab'
  | 'interrupt'
  | 'end-of-input'
  | 'redraw'
  | 'clear'

const controls: Readonly<Record<string, Named>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  '\x7f': 'backspace',
  '\b': 'backspace',
  '\x03': 'interrupt',
  '\x04': 'end-of-input',
  '\x0c': 'redraw',
  '\x15': 'clear',
  '\x10': 'up',
  '\x0e': 'down',
}
/** Without ESC; `[` and `O` begin the same keys in the two modes of a terminal (ECMA-48, xterm). */
const sequences: Readonly<Record<string, Named>> = {
  'A': 'up',
  'B': 'down',
  'H': 'home',
  'F': 'end',
  '1~': 'home',
  '4~': 'end',
  '7~': 'home',
  '8~': 'end',
  '5~': 'page-up',
  '6~': 'page-down',
}
/** Longer ones are no key that a keyboard has. */
const sequenceMost = 16

/**
 * Reads keys from bytes, in whatever pieces they come. What it does not know it drops: nothing of it is ever echoed. A
 * lone ESC is one when nothing has followed for a moment, which `settle` says.
 */
export class Keys {
  /** Of an escape sequence that has begun: what came after ESC. */
  #begun: string | undefined

  /** Whether an ESC stands that may be one by itself. */
  get isOpen(): boolean {
    return this.#begun !== undefined
  }

  read(bytes: Uint8Array): Key[] {
    return [...Buffer.from(bytes).toString('latin1')].flatMap((character) => this.#next(character))
  }

  settle(): Key[] {
    const alone = this.#begun === ''
    this.#begun = undefined
    return alone ? [{ kind: 'escape' }] : []
  }

  #next(character: string): Key[] {
    if (this.#begun !== undefined) return this.#follow(character)
    if (character === '\x1b') {
      this.#begun = ''
      return []
    }
    if (character >= ' ' && character <= '~') return [{ kind: 'text', text: character }]
    return Object.hasOwn(controls, character) ? keyOf(controls[character]) : []
  }

  #follow(character: string): Key[] {
    const begun = this.#begun ?? ''
    if (character === '\x1b') {
      this.#begun = ''
      return begun === '' ? [{ kind: 'escape' }] : []
    }
    if (begun === '') {
      // ALT and another key send ESC before it: that is no key here.
      this.#begun = character === '[' || character === 'O' ? character : undefined
      return character < ' ' && Object.hasOwn(controls, character) ? keyOf(controls[character]) : []
    }
    const isParameter = begun[0] === '[' && character >= ' ' && character <= '?'
    this.#begun = isParameter && begun.length < sequenceMost ? begun + character : undefined
    const name = begun.slice(1) + character
    return !isParameter && Object.hasOwn(sequences, name) ? keyOf(sequences[name]) : []
  }
}

const keyOf = (kind: Named | undefined): Key[] => (kind === undefined ? [] : [{ kind }])
