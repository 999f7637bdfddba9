import { userInfo } from 'node:os'
import { type Api, makeApi } from './api.ts'
import { type Application, startApplication } from './application.ts'
import { DecisionLog } from './decisions.ts'
import { type Folder, makeFolder } from './folder.ts'
import { type Gateway, startGateway, type Targets } from './gateway.ts'
import { type Issuer, startIssuer } from './issuer.ts'
import { Journal } from './journal.ts'
import { accounts, writeClients } from './people.ts'
import { separationFolder } from './separation.ts'
import { startTarget } from './sshd.ts'

/** Everything that the tour needs, up and running: identity provider, two hosts, and the gateway before them. */
export interface Stage extends AsyncDisposable {
  readonly folder: Folder
  /** The account on the hosts: that of whoever runs the demo. */
  readonly login: string
  readonly issuer: Issuer
  readonly targets: Targets
  readonly gateway: Gateway
  /** Beside the hosts, on the same machine. */
  readonly application: Application
  readonly api: Api
  readonly decisions: DecisionLog
  /** Aborts when the demo is to end, and when a part of it has ended by itself. */
  readonly signal: AbortSignal
  /** What each part has said, by its name. */
  readonly journals: Readonly<Record<'gateway' | 'staging' | 'db1' | 'issuer', Journal>>
}

export async function setUp(interrupt: AbortSignal): Promise<Stage> {
  await using undo = new AsyncDisposableStack()
  const login = accountName()
  const folder = undo.use(makeFolder())
  undo.use(separationFolder())
  for (const key of ['user_ca', 'host_ca', 'gateway_host']) folder.key(key)
  const told = undo.use(new Journal(folder.at('issuer.log')))
  const issuer = undo.use(await startIssuer({ accounts, pollSeconds: 0.2, log: (line) => told.add(line) }))
  const staging = undo.use(await startTarget('staging', login, folder, interrupt))
  const db1 = undo.use(await startTarget('db1', login, folder, interrupt))
  const application = undo.use(await startApplication())
  const data = dataOf(login, application)
  const gateway = undo.use(await startGateway(data, { staging, db1 }, issuer, folder, interrupt))
  writeClients(folder, gateway.sshPort)
  folder.write('token', `Authorization: Bearer ${gateway.tokens.read}\n`)
  folder.write('operator_token', gateway.tokens.operate)
  const api = makeApi(gateway.url, gateway.tokens.read)
  const life = undo.move()
  return {
    folder,
    login,
    issuer,
    targets: { staging, db1 },
    gateway,
    application,
    api,
    decisions: new DecisionLog(api),
    signal: AbortSignal.any([interrupt, gateway.ended, staging.ended, db1.ended]),
    journals: { gateway: gateway.journal, staging: staging.journal, db1: db1.journal, issuer: told },
    [Symbol.asyncDispose]: () => life.disposeAsync(),
  }
}

/** The one account that there is, and office hours that never end: the tour is taken at any time. */
const dataOf = (login: string, { address }: Application) => ({
  logins: [login],
  forwards: [address],
  office: {
    zone: 'UTC',
    days: ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'],
    from: 0,
    to: 24,
  },
})

function accountName(): string {
  const { username } = userInfo()
  if (/^[A-Za-z_][A-Za-z0-9._-]{0,31}$/.test(username)) return username
  throw new Error(
    `the account that runs the demo is the one that is logged in to, and the gateway takes no “${username}”`,
  )
}
