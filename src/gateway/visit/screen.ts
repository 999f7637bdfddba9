import { printable } from '../../model/text.ts'
import { chosenLogin, found, type Menu } from './menu.ts'
import type { Offer } from './offers.ts'

/** A terminal, as far as the client has said what it is. */
export interface Terminal {
  readonly columns: number
  readonly rows: number
  /** Knows how to move its cursor. */
  readonly moves: boolean
  /** May show the chosen line otherwise than by a mark. */
  readonly marks: boolean
}

/** Lines beside those of routes. */
const around = 4
const noticeMost = 4
export const pageOf = ({ rows }: Terminal): number => Math.max(1, rows - around)

/** Control Sequence Introducer (ECMA-48). */
const csi = '\x1b['
export const enterScreen = ({ moves }: Terminal): string => (moves ? `${csi}?1049h${csi}?25l` : '')
export const leaveScreen = ({ moves }: Terminal): string => (moves ? `${csi}?25h${csi}?1049l` : '\r\n')

/** The whole screen, drawn over what stood there; every line is cut to the terminal's width. */
export function draw(menu: Menu, terminal: Terminal, title: string): string {
  const lines = linesOf(menu, terminal, title).slice(0, terminal.rows)
  if (!terminal.moves) return `${lines.map(({ text }) => printable(text, terminal.columns)).join('\r\n')}\r\n`
  const drawn = lines.map(({ text, chosen }) => {
    const cut = printable(text, terminal.columns)
    return `${chosen && terminal.marks ? `${csi}7m${cut}${csi}0m` : cut}${csi}K`
  })
  return `${csi}H${drawn.join('\r\n')}${csi}J`
}

interface Line {
  readonly text: string
  readonly chosen?: boolean
}

function linesOf(menu: Menu, terminal: Terminal, title: string): Line[] {
  const rows = found(menu)
  const notice = folded(menu.notice, terminal.columns)
  const page = Math.max(1, pageOf(terminal) - notice.length + 1)
  const first = Math.max(0, Math.min(menu.at - Math.floor(page / 2), rows.length - page))
  const width = Math.min(32, Math.max(0, ...rows.map(({ route }) => route.length)))
  const seen = rows
    .slice(first, first + page)
    .map((offer, index) => rowOf(menu, offer, width, first + index === menu.at))
  const routes = terminal.rows > around ? seen : seen.filter(({ chosen }) => chosen)
  return [
    ...(terminal.rows > around ? [{ text: title }, { text: `Search: ${menu.search}_` }] : []),
    ...(routes.length === 0 ? [{ text: nothing(menu) }] : routes),
    ...notice.map((text) => ({ text })),
    { text: `${place(menu, rows)}  up/down, Enter goes, type to search, l login, q leaves` },
  ]
}

function rowOf(menu: Menu, offer: Offer, width: number, chosen: boolean): Line {
  const { login, require, terminal } = chosenLogin(menu, offer)
  const others = offer.logins.filter((one) => one.login !== login).map((one) => one.login)
  const notes = [
    ...(others.length === 0 ? [] : [`l: ${others.join(', ')}`]),
    ...(require.length === 0 ? [] : [`asks for a ${require.join(', ')}`]),
    ...(terminal === false ? ['no terminal'] : []),
  ]
  const note = notes.length === 0 ? '' : `  (${notes.join('; ')})`
  return { text: `${chosen ? '>' : ' '} ${offer.route.padEnd(width)}  ${login}${note}`, chosen }
}

/** A refusal and the id of its decision take more than one line. */
function folded(text: string, columns: number): string[] {
  const lines = text.match(new RegExp(`.{1,${columns}}`, 'gu')) ?? ['']
  return lines.slice(0, noticeMost)
}

function nothing({ isLooking, search }: Menu): string {
  if (isLooking) return '  looking…'
  return search === '' ? '  The policy would open no route to you now.' : '  No route fits.'
}

const place = ({ at, isLooking }: Menu, rows: readonly Offer[]): string =>
  `${rows.length === 0 ? 0 : at + 1}/${rows.length}${isLooking ? '+' : ''}`
