/** What a person sees of a page. */
export interface Page {
  readonly url: URL
  readonly status: number
  readonly headers: Headers
  readonly html: string
  readonly heading: string
  /** All words of the page, without markup, on one line. */
  readonly text: string
}

interface Cookie {
  readonly name: string
  readonly value: string
  readonly host: string
  readonly path: string
}

const redirectsMost = 10

/** A browser without scripts and pictures: follows redirects, keeps cookies (RFC 6265), presses buttons of forms. */
export class Browser {
  #cookies: readonly Cookie[] = []

  /** Goes to an address; with a form it is posted there. */
  async open(address: string | URL, form?: URLSearchParams): Promise<Page> {
    let url = new URL(address)
    let body = form
    for (let hops = 0; hops <= redirectsMost; hops++) {
      const response = await this.#request(url, body)
      const location = response.headers.get('location')
      if (location === null) return readPage(url, response)
      await response.body?.cancel()
      url = new URL(location, url)
      // 307 and 308 would have the form sent again; nobody here may want that.
      if (response.status > 303) throw new Error(`${response.status} to ${url}`)
      body = undefined
    }
    throw new Error(`more than ${redirectsMost} redirects, the last to ${url}`)
  }

  /** Presses the button whose first words are `label`, its form's fields as they stand but for those given. */
  async press(page: Page, label: string, fields: Readonly<Record<string, string>> = {}): Promise<Page> {
    for (const form of readForms(page.html)) {
      const button = form.buttons.find((each) => `${each.label} `.startsWith(`${label} `))
      if (button === undefined) continue
      const sent = new URLSearchParams(form.fields)
      for (const [name, value] of Object.entries(fields)) {
        if (!sent.has(name)) throw new Error(`no field ${name} in the form of “${page.heading}”`)
        sent.set(name, value)
      }
      if (button.name !== undefined) sent.append(button.name, button.value ?? '')
      return this.open(new URL(button.action ?? form.action ?? '', page.url), sent)
    }
    throw new Error(`no button “${label}” on ${page.status} “${page.heading}”: ${page.text}`)
  }

  async #request(url: URL, form: URLSearchParams | undefined): Promise<Response> {
    const cookie = this.#cookies
      .filter(({ host, path }) => host === url.hostname && covers(path, url.pathname))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')
    const response = await fetch(url, {
      method: form === undefined ? 'GET' : 'POST',
      headers: { accept: 'text/html', ...(cookie === '' ? {} : { cookie }) },
      redirect: 'manual',
      ...(form === undefined ? {} : { body: form }),
    })
    for (const text of response.headers.getSetCookie()) this.#keep(text, url)
    return response
  }

  #keep(text: string, url: URL): void {
    const [pair = '', ...rest] = text.split(';')
    const attributes = new Map(rest.map((attribute) => nameAndValue(attribute.trim())))
    const [name, value] = nameAndValue(pair)
    const cookie = { name, value, host: url.hostname, path: attributes.get('path') ?? '/' }
    const isOver = attributes.get('max-age') === '0' || Date.parse(attributes.get('expires') ?? '') <= Date.now()
    const others = this.#cookies.filter(
      (kept) => !(['name', 'host', 'path'] as const).every((key) => kept[key] === cookie[key]),
    )
    this.#cookies = isOver ? others : [...others, cookie]
  }
}

/** RFC 6265 section 5.1.4. */
const covers = (path: string, asked: string): boolean =>
  asked === path || asked.startsWith(path.endsWith('/') ? path : `${path}/`)

/** `Path=/x` → `['path', '/x']`; the name of a cookie keeps its case, which its own server chose. */
function nameAndValue(text: string): [name: string, value: string] {
  const [name = '', ...value] = text.split('=')
  return [
    /^(path|expires|max-age|httponly|samesite|secure|domain)$/i.test(name) ? name.toLowerCase() : name,
    value.join('='),
  ]
}

async function readPage(url: URL, response: Response): Promise<Page> {
  const html = await response.text()
  const heading = plain(/<h1>(.*?)<\/h1>/s.exec(html)?.[1] ?? '')
  const text = plain(html.replace(/<(style|title|script)>.*?<\/\1>/gs, ''))
  return { url, status: response.status, headers: response.headers, html, heading, text }
}

interface Form {
  readonly action: string | undefined
  readonly fields: [name: string, value: string][]
  readonly buttons: readonly { label: string; name?: string; value?: string; action?: string }[]
}

function readForms(html: string): Form[] {
  return [...html.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)].map(([, attributes = '', content = '']) => {
    const inputs = [...content.matchAll(/<input\b([^>]*)>/gs)].map(([, of = '']) => readAttributes(of))
    const buttons = [...content.matchAll(/<button\b([^>]*)>(.*?)<\/button>/gs)].map(([, of = '', label = '']) => {
      const { name, value, formaction: action } = readAttributes(of)
      return { label: plain(label), ...(name && { name }), ...(value && { value }), ...(action && { action }) }
    })
    const fields = inputs.map(({ name = '', value = '' }): [string, string] => [name, value])
    return { action: readAttributes(attributes).action, fields, buttons }
  })
}

function readAttributes(text: string): Record<string, string | undefined> {
  return Object.fromEntries(
    [...text.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, decode(value)]),
  )
}

const plain = (html: string): string =>
  decode(html.replace(/<[^>]*>/g, ' '))
    .replace(/\s+/g, ' ')
    .trim()

const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"' }
const decode = (text: string): string =>
  text.replace(/&(?:#(\d+)|(amp|lt|gt|quot));/g, (_all, code, name) =>
    code === undefined ? (named[name] ?? '') : String.fromCodePoint(Number(code)),
  )
