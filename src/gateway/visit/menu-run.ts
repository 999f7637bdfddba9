import { ascii, printable } from '../../model/text.ts'
import type { ChannelEnd } from '../../ssh/channel-end.ts'
import type { Output } from './commands.ts'
import { type Key, Keys } from './keys.ts'
import { type Choice, emptyMenu, type Menu, press } from './menu.ts'
import { listOffers } from './offers.ts'
import { draw, enterScreen, leaveScreen, pageOf, type Terminal } from './screen.ts'
import type { Visitor, VisitParts } from './visit.ts'

/** What the menu is run with. */
export interface MenuParts {
  /** As it is now: its size changes. */
  readonly terminal: () => Terminal
  /** Goes there on this channel. Undefined when that was the end of the connection; else why not, and the menu goes on. */
  readonly go: (choice: Choice, signal: AbortSignal) => Promise<string | undefined>
}

/** How long an ESC may be the beginning of a key. */
const escapeWait = 100
/** Keys that are acted on in one turn of the event loop, with one drawing: more at once nobody types, and it costs others their turn. */
const typedMost = 128

/**
 * The menu on a terminal, until somebody leaves it or goes somewhere. Keys are read and never echoed; what is typed while
 * it connects is dropped, but that Ctrl-C gives it up.
 */
export class MenuRun {
  readonly #channel: ChannelEnd
  readonly #parts: MenuParts
  readonly #title: string
  readonly #keys = new Keys()
  readonly #done = Promise.withResolvers<Output | undefined>()
  #menu: Menu = emptyMenu
  #going: AbortController | undefined
  #escape: NodeJS.Timeout | undefined
  /** Waits for its turn. */
  readonly #typed: Key[] = []
  #turn: NodeJS.Immediate | undefined
  /** The screen is not what it should be, and is drawn again when the client has taken what it was sent. */
  #isDirty = false
  #isOver = false

  constructor(channel: ChannelEnd, visitor: Visitor, gateway: string, parts: MenuParts) {
    this.#channel = channel
    this.#parts = parts
    this.#title = ascii(printable(`${gateway}: routes open to ${visitor.identity.username}`), 500)
  }

  /** Undefined: the channel is no longer the menu's. */
  async run(visitor: Visitor, parts: VisitParts, signal: AbortSignal): Promise<Output | undefined> {
    this.#channel.write(enterScreen(this.#parts.terminal()))
    this.#channel.on('data', (bytes: Buffer) => this.#heard(bytes))
    this.#channel.once('end', () => this.#leave(0))
    this.#channel.once('close', () => this.#done.resolve(undefined))
    this.#channel.on('drain', () => this.#isDirty && this.show())
    this.show()
    this.#look(visitor, parts, signal).catch((thrown: unknown) => this.#done.reject(thrown))
    try {
      return await this.#done.promise
    } finally {
      clearTimeout(this.#escape)
      this.#typed.length = 0
      this.#isOver = true
    }
  }

  /** Draws what stands, unless the client has not taken what it was sent. */
  show(): void {
    if (this.#going !== undefined || this.#channel.destroyed) return
    this.#isDirty = this.#channel.writableNeedDrain
    if (!this.#isDirty) this.#channel.write(draw(this.#menu, this.#parts.terminal(), this.#title))
  }

  async #look(visitor: Visitor, parts: VisitParts, signal: AbortSignal): Promise<void> {
    for await (const { offer, fault } of listOffers(visitor, parts.settings.loginCase, parts, signal)) {
      if (offer !== undefined) this.#menu = { ...this.#menu, offers: [...this.#menu.offers, offer] }
      if (fault !== undefined)
        this.#menu = { ...this.#menu, notice: `of some routes the policy gave no answer (${fault})` }
      if (offer !== undefined || fault !== undefined) this.show()
    }
    this.#menu = { ...this.#menu, isLooking: false }
    this.show()
  }

  #heard(bytes: Buffer): void {
    clearTimeout(this.#escape)
    this.#type(this.#keys.read(bytes))
    if (this.#keys.isOpen) this.#escape = setTimeout(() => this.#type(this.#keys.settle()), escapeWait)
  }

  #type(keys: readonly Key[]): void {
    if (keys.length === 0 || this.#isOver) return
    this.#typed.push(...keys.slice(0, typedMost - this.#typed.length))
    this.#turn ??= setImmediate(() => {
      this.#turn = undefined
      this.#press(this.#typed.splice(0))
    })
  }

  #press(keys: readonly Key[]): void {
    for (const key of keys) {
      if (this.#going !== undefined) {
        if (key.kind === 'interrupt') this.#going.abort()
        continue
      }
      const step = press(this.#menu, key, pageOf(this.#parts.terminal()))
      this.#menu = step.menu
      if (step.next === 'leave') return this.#leave(0)
      if (step.next === 'go') void this.#go(step.choice)
    }
    if (keys.length > 0) this.show()
  }

  async #go(choice: Choice): Promise<void> {
    const going = new AbortController()
    this.#going = going
    this.#channel.write(`${leaveScreen(this.#parts.terminal())}${choice.offered.login}@${choice.route} ...\r\n`)
    const notice = await this.#parts.go(choice, going.signal).catch((thrown: unknown) => {
      this.#done.reject(thrown)
      return undefined
    })
    this.#going = undefined
    if (notice === undefined) return this.#done.resolve(undefined)
    this.#menu = { ...this.#menu, notice: printable(notice) }
    this.#channel.write(enterScreen(this.#parts.terminal()))
    this.show()
  }

  #leave(status: number): void {
    if (!this.#channel.destroyed) this.#channel.write(leaveScreen(this.#parts.terminal()))
    this.#done.resolve({ status })
  }
}
