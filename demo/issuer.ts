import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Account, peopleOf } from './issuer/accounts.ts'
import { answerPages } from './issuer/person.ts'
import { createProvider } from './issuer/provider.ts'
import type { Middleware } from './issuer/steps.ts'

export interface IssuerOptions {
  /** Who can sign in, by username. */
  readonly accounts: Readonly<Record<string, Account>>
  /** On 127.0.0.1. Absent: a free one. */
  readonly port?: number
  readonly clientId?: string
  /** Absent: a random one. */
  readonly clientSecret?: string
  /** How long a code can be used, in whole seconds; and how long a client is to wait between two polls. */
  readonly codeSeconds?: number
  readonly pollSeconds?: number
  /** EC private key on P-256. Absent: a new one. */
  readonly signingKey?: KeyObject
  /** Stands between the client and the provider; for tests, which need a provider that lies. */
  readonly between?: Middleware
  /** Told of every request that was answered, without its parameters, and of faults. */
  readonly log?: (line: string) => void
}

export interface Issuer extends AsyncDisposable {
  /** The issuer identifier; discovery finds the rest. */
  readonly url: string
  readonly clientId: string
  readonly clientSecret: string
  /** What a person does in the browser: enters the code, says it is theirs, chooses who to be. Throws with the page's words. */
  approve(userCode: string, username: string): Promise<void>
  /** The same, up to refusing. */
  deny(userCode: string): Promise<void>
  stop(): Promise<void>
}

/**
 * The demo's OpenID provider: the device flow as it is (RFC 8628), with pages for people and tokens that can be verified.
 * Only who one is, is a matter of a button: nobody is asked for a password, so it listens on 127.0.0.1 alone.
 */
export async function startIssuer(options: IssuerOptions): Promise<Issuer> {
  await using opened = new AsyncDisposableStack()
  const server = opened.adopt(createServer(), close)
  await once(server.listen(options.port ?? 0, '127.0.0.1'), 'listening')
  // An issuer's name holds its port, so the port comes first.
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const client = {
    clientId: options.clientId ?? 'regate',
    clientSecret: options.clientSecret ?? randomBytes(32).toString('base64url'),
  }
  const provider = createProvider({
    url,
    ...client,
    people: peopleOf(options.accounts),
    signingKey: options.signingKey ?? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
    codeSeconds: options.codeSeconds ?? 600,
    pollSeconds: options.pollSeconds ?? 1,
  })
  if (options.between !== undefined) provider.use(options.between)
  const { log } = options
  if (log !== undefined) {
    server.on('request', (request, response) => logAnswer(request, response, log))
    provider.on('server_error', (_ctx, fault) => log(`fault: ${fault.message}`))
  }
  server.on('request', provider.callback())

  const life = opened.move()
  return {
    url,
    ...client,
    ...answerPages(url),
    stop: () => life.disposeAsync(),
    [Symbol.asyncDispose]: () => life.disposeAsync(),
  }
}

function logAnswer(request: IncomingMessage, response: ServerResponse, log: (line: string) => void): void {
  const [path] = request.url?.split('?') ?? []
  response.once('finish', () => log(`${new Date().toISOString()} ${request.method} ${path} ${response.statusCode}`))
}

/** Whoever still waits for an answer is cut off. */
async function close(server: Server): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}
