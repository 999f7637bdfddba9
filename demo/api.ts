/** The gateway's HTTP API, by a token that may read. */
export interface Api {
  /** Without a slash at its end. */
  readonly url: string
  /** What stands at this path, as text. Throws with what the gateway says otherwise. */
  get(path: string): Promise<string>
}

export const makeApi = (url: string, token: string): Api => ({
  url,
  async get(path) {
    const answer = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${url}${path} answered ${answer.status}: ${text}`)
    return text
  },
})
