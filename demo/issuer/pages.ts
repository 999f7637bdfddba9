import { createHash } from 'node:crypto'
import type { Person } from './accounts.ts'
import { type Html, html } from './html.ts'

// What a person sees, in order: the code, the question whether it is theirs, who to be, done. Plain forms, no script.

export interface CodeForm {
  readonly action: string
  /** The provider's token against forms sent from elsewhere. */
  readonly xsrf: string
  readonly userCode: string
}

/** The code may be there already (RFC 8628 section 3.3.1); the person still sends it. */
export function codePage(form: CodeForm, problem?: string): string {
  const alert = problem === undefined ? '' : html`<p id="problem" class="problem" role="alert">${problem}</p>`
  return page(
    'Sign in from a terminal',
    html`${alert}
<form method="post" action="${form.action}">
  <input type="hidden" name="xsrf" value="${form.xsrf}">
  <label for="code">The code that your terminal shows</label>
  <input id="code" name="user_code" value="${form.userCode}" required autofocus maxlength="20" autocomplete="off"
    autocapitalize="characters" spellcheck="false"${alert === '' ? '' : html` aria-describedby="problem"`}>
  <button>Continue</button>
</form>`,
  )
}

/** The question that keeps a code which somebody else sent from being approved unseen (RFC 8628 section 5.4). */
export function confirmPage(form: CodeForm, client: string, shownCode: string): string {
  return page(
    'Is this your sign-in?',
    html`<p>${client} asks to sign you in. Does your own terminal show this code?</p>
<p class="code">${shownCode}</p>
<form method="post" action="${form.action}">
  <input type="hidden" name="xsrf" value="${form.xsrf}">
  <input type="hidden" name="user_code" value="${form.userCode}">
  <button name="confirm" value="yes">Yes, it is mine</button>
  <button name="abort" value="yes" class="quiet">No, refuse</button>
</form>`,
  )
}

/** A button for each person stands in for the password. */
export function choicePage(people: Iterable<Person>): string {
  const choices = [...people].map(({ username, groups }) => {
    const note = groups.length === 0 ? '' : html` <small>${groups.join(', ')}</small>`
    return html`
  <button formaction="?account=${encodeURIComponent(username)}">${username}${note}</button>`
  })
  return page(
    'Who are you?',
    html`<p>This provider belongs to the demo and asks for no password. Sign in as</p>
<form method="post">${choices}
  <button formaction="?refuse" class="quiet">Refuse</button>
</form>`,
  )
}

export const donePage = (): string =>
  page('You are signed in', html`<p role="status">You can close this page and go back to your terminal.</p>`)

export const refusedPage = (): string =>
  page('Refused', html`<p role="status">Nobody was signed in. You can go back to your terminal.</p>`)

export const errorPage = (what: string): string =>
  page('That did not work', html`<p role="alert">${what}</p><p>Start again with the code that your terminal shows.</p>`)

const style = `
:root { color-scheme: light dark; font: 1.1rem/1.5 system-ui, sans-serif }
main { max-width: 26rem; margin: 12vh auto; padding: 0 1rem }
h1 { font-size: 1.5rem }
form { display: grid; gap: .75rem }
input, button { font: inherit; min-height: 2.75rem; padding: .4rem .8rem; border: 1px solid; border-radius: .4rem }
button { background: #1a4fa3; color: #fff; border-color: #1a4fa3; cursor: pointer }
button.quiet { background: none; color: inherit; border-color: currentColor }
small { display: block; font-size: .8rem }
:focus-visible { outline: 3px solid #e08a00; outline-offset: 2px }
.code, #code { font: 1.5rem ui-monospace, monospace; letter-spacing: .1em; text-transform: uppercase }
.problem { border-left: 4px solid #c62828; padding-left: .75rem }
`

/** Our own style and forms to ourselves; no script, no picture, no frame. */
export const pageHeaders: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

function page(title: string, content: Html): string {
  return html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title} – Regate demo</title>
<style>${{ markup: style }}</style>
<main>
<h1>${title}</h1>
${content}
</main>
</html>
`.markup
}
