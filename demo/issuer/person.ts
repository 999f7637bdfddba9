import { Browser, type Page } from './browser.ts'

/** A person with a browser of their own, who answers the provider's pages. Nothing here but what a browser could do. */
export function answerPages(url: string) {
  return {
    async approve(userCode: string, username: string): Promise<void> {
      const browser = new Browser()
      const choice = await browser.press(await enterCode(browser, url, userCode), 'Yes, it is mine')
      expectHeading(await browser.press(choice, username), 'You are signed in')
    },
    async deny(userCode: string): Promise<void> {
      const browser = new Browser()
      expectHeading(await browser.press(await enterCode(browser, url, userCode), 'No, refuse'), 'Refused')
    },
  }
}

async function enterCode(browser: Browser, url: string, userCode: string): Promise<Page> {
  const first = await browser.open(`${url}/device`)
  const asked = await browser.press(first, 'Continue', { user_code: userCode })
  return expectHeading(asked, 'Is this your sign-in?')
}

function expectHeading(page: Page, heading: string): Page {
  if (page.heading === heading) return page
  throw new Error(`expected the page “${heading}”, got ${page.status} “${page.heading}”: ${page.text}`)
}
