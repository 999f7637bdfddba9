import type { Key } from './keys.ts'
import type { Offer, OfferedLogin } from './offers.ts'

/** The menu as it stands; what is seen of it is `screen.ts`. */
export interface Menu {
  readonly offers: readonly Offer[]
  readonly search: string
  /** Letters are text now, also those that mean something else otherwise. */
  readonly isSearching: boolean
  /** Index among those that the search leaves. */
  readonly at: number
  /** Of routes whose login was changed: its index. */
  readonly logins: Readonly<Record<string, number>>
  /** Whether there may be more offers. */
  readonly isLooking: boolean
  /** What was said last: why a route was not opened. */
  readonly notice: string
}
export interface Choice {
  readonly route: string
  readonly offered: OfferedLogin
}
export type Step = { readonly menu: Menu } & (
  | { readonly next: 'show' | 'leave' }
  | { readonly next: 'go'; readonly choice: Choice }
)

export const emptyMenu: Menu = {
  offers: [],
  search: '',
  isSearching: false,
  at: 0,
  logins: {},
  isLooking: true,
  notice: '',
}
const searchMost = 64

/** Those whose name or logins hold every word of the search. */
export function found({ offers, search }: Menu): readonly Offer[] {
  const words = search
    .toLowerCase()
    .split(' ')
    .filter((word) => word !== '')
  return offers.filter((offer) => {
    const text = textOf(offer)
    return words.every((word) => text.includes(word))
  })
}

/** Each is looked through with every key that is typed. */
const texts = new WeakMap<Offer, string>()
function textOf(offer: Offer): string {
  const { route, logins } = offer
  const text = texts.get(offer) ?? `${route} ${logins.map(({ login }) => login).join(' ')}`.toLowerCase()
  texts.set(offer, text)
  return text
}

export const chosenLogin = ({ logins }: Menu, offer: Offer): OfferedLogin =>
  offer.logins[(logins[offer.route] ?? 0) % offer.logins.length] ?? offer.logins[0]

/** `page`: rows that are seen at once. */
export function press(menu: Menu, key: Key, page: number): Step {
  const rows = found(menu)
  const last = Math.max(0, rows.length - 1)
  const move = (at: number): Step => show({ ...menu, at: Math.min(last, Math.max(0, at)), notice: '' })
  switch (key.kind) {
    case 'up':
      return move(menu.at - 1)
    case 'down':
      return move(menu.at + 1)
    case 'page-up':
      return move(menu.at - page)
    case 'page-down':
      return move(menu.at + page)
    case 'home':
      return move(0)
    case 'end':
      return move(last)
    case 'enter':
      return go(menu, rows[menu.at])
    case 'tab':
      return show(otherLogin(menu, rows[menu.at]))
    case 'backspace':
      return show(searched(menu, menu.search.slice(0, -1)))
    case 'clear':
      return show(searched(menu, ''))
    case 'escape':
      return menu.search === '' && !menu.isSearching
        ? { menu, next: 'leave' }
        : show({ ...searched(menu, ''), isSearching: false })
    case 'interrupt':
    case 'end-of-input':
      return { menu, next: 'leave' }
    case 'redraw':
      return show(menu)
    case 'text':
      return type(menu, key.text, rows[menu.at])
  }
}

const show = (menu: Menu): Step => ({ menu, next: 'show' })

/** While nothing is searched for, `q`, `l` and `/` are keys; after that, and after `/`, they are letters. */
function type(menu: Menu, text: string, row: Offer | undefined): Step {
  if (menu.search === '' && !menu.isSearching) {
    if (text === 'q') return { menu, next: 'leave' }
    if (text === 'l') return show(otherLogin(menu, row))
    if (text === '/') return show({ ...menu, isSearching: true, notice: '' })
  }
  return show({ ...searched(menu, (menu.search + text).slice(0, searchMost)), isSearching: true })
}

const searched = (menu: Menu, search: string): Menu => ({ ...menu, search, at: 0, notice: '' })

function otherLogin(menu: Menu, row: Offer | undefined): Menu {
  if (row === undefined) return menu
  return { ...menu, logins: { ...menu.logins, [row.route]: (menu.logins[row.route] ?? 0) + 1 }, notice: '' }
}

function go(menu: Menu, row: Offer | undefined): Step {
  if (row === undefined) return show(menu)
  const offered = chosenLogin(menu, row)
  if (offered.terminal === false)
    return show({ ...menu, notice: `no terminal there: ssh ${offered.login}@${row.route}@gateway COMMAND` })
  return { menu, next: 'go', choice: { route: row.route, offered } }
}
