import type { KeyObject } from 'node:crypto'
import Provider, { type AccountClaims, type KoaContextWithOIDC } from 'oidc-provider'
import type { Person } from './accounts.ts'
import { memory } from './memory.ts'
import { errorPage } from './pages.ts'
import { choose, confirm, done, onlyUnderOwnName, show, showCode, visits } from './steps.ts'

export interface ProviderSettings {
  /** The issuer identifier: the provider's own address, without a path. */
  readonly url: string
  /** By subject. */
  readonly people: ReadonlyMap<string, Person>
  readonly clientId: string
  readonly clientSecret: string
  /** EC private key on P-256, for ES256. */
  readonly signingKey: KeyObject
  readonly codeSeconds: number
  readonly pollSeconds: number
}

const hour = 3_600
const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code'

/** oidc-provider with one client, the device flow and our pages. What is not needed is off. */
export function createProvider(settings: ProviderSettings): Provider {
  const { people } = settings
  const provider = new Provider(settings.url, {
    adapter: memory(),
    jwks: { keys: [settings.signingKey.export({ format: 'jwk' })] },
    clients: [
      {
        client_id: settings.clientId,
        client_secret: settings.clientSecret,
        client_name: 'Regate',
        grant_types: [deviceGrant],
        response_types: [],
        redirect_uris: [],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    features: {
      deviceFlow: { enabled: true, userCodeInputSource: showCode, userCodeConfirmSource: confirm, successSource: done },
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      resourceIndicators: { enabled: false },
      rpInitiatedLogout: { enabled: false },
    },
    claims: claimsByScope(people.values()),
    acrValues: [...people.values()].flatMap(({ acr }) => acr ?? []),
    // The claims stand in the ID token itself, not only at the userinfo endpoint.
    conformIdTokenClaims: false,
    findAccount: (_ctx, subject) => accountOf(people.get(subject)),
    loadExistingGrant: grantWhatIsAsked,
    clientBasedCORS: () => false,
    renderError: (ctx, out) => show(ctx, errorPage(out.error_description ?? out.error)),
    // Cookies know no ports: another server on 127.0.0.1 must not overwrite ours.
    cookies: { names: { session: 'issuer_session', interaction: 'issuer_interaction', resume: 'issuer_resume' } },
    ttl: {
      DeviceCode: settings.codeSeconds,
      Interaction: hour,
      Session: hour,
      Grant: hour,
      AccessToken: hour,
      IdToken: hour,
    },
  })
  provider.on('device_authorization.success', (_ctx, response) => {
    response.interval = settings.pollSeconds
  })
  provider.use(onlyUnderOwnName(new URL(settings.url).host))
  provider.use(visits(provider))
  provider.use(choose(provider, people))
  return provider
}

/** openid, email, profile, groups; a claim that only the demo knows comes with `profile`. */
function claimsByScope(people: Iterable<Person>): Record<string, string[]> {
  const openid = ['sub', 'auth_time', 'amr', 'acr']
  const email = ['email', 'email_verified']
  const groups = ['groups']
  const rest = new Set([...people].flatMap((person) => Object.keys(person.claims)))
  for (const claim of [...openid, ...email, ...groups]) rest.delete(claim)
  return { openid, email, groups, profile: [...rest] }
}

const accountOf = (person: Person | undefined) =>
  person && { accountId: person.subject, claims: (): AccountClaims => ({ ...person.claims, sub: person.subject }) }

/** There is no page that asks for consent: who chooses a person has given it. */
async function grantWhatIsAsked({ oidc }: KoaContextWithOIDC) {
  const grant = new oidc.provider.Grant({ clientId: oidc.client?.clientId, accountId: oidc.session?.accountId })
  grant.addOIDCScope([...oidc.requestParamOIDCScopes].join(' '))
  await grant.save()
  return grant
}
