import type { Reason } from '../model/decision.ts'
import type { ErrorCode } from '../model/errors.ts'
import { ascii, printable } from '../model/text.ts'
import type { Asked, AskedHere } from './names.ts'

/** What a person is told when the door stays shut. */
export interface Refusal {
  readonly code: ErrorCode
  /** Lines of ASCII text; the first says it all, and is what clients without a terminal see. */
  readonly lines: readonly [string, ...string[]]
  /** What the target itself said, as it came; absent or empty: nothing. */
  readonly said?: string
}

/** Older clients cut the text of keyboard-interactive at 1,023 bytes and print anything but ASCII as octal. */
const textMost = 1_000

const nobody = 'no access to {asked}, or no such route'
const texts: Partial<Record<ErrorCode, string>> = {
  NAME_GRAMMAR: 'user names are written login@route, as in: ssh root@db1@gate.example.com',
  // The same words: who may not see a route cannot tell whether it is there.
  ROUTE_UNKNOWN: nobody,
  DENIED_BY_POLICY: nobody,
  CHALLENGE_UNSUPPORTED: 'the policy wants something that this gateway cannot ask you for',
  KEY_UNSUPPORTED: 'use another key',
  ROBOT_EXPIRED: 'this key has expired',
  ROBOT_SOURCE: 'this key may not be used from here',
  TOO_MANY_ATTEMPTS: 'too many keys or attempts on one connection',
  TOO_MANY_SESSIONS: 'you, or all together, have as many sessions as there may be: end one',
  TOO_MANY_SIGN_INS: 'too many sign-ins are pending or were begun from here: finish one, or try again in a minute',
  GRACE_EXCEEDED: 'signing in took too long',
  SHUTTING_DOWN: 'the gateway is stopping',
  SIGN_IN_DENIED: 'the sign-in was refused at the identity provider',
  SIGN_IN_EXPIRED: 'the code was not used in time: connect again for a new one',
  ISSUER_UNAVAILABLE: 'the identity provider does not answer: try again later',
  ISSUER_INVALID: 'the identity provider gave an answer that cannot be trusted',
  CLAIMS_INVALID: 'the identity provider does not say who you are in a way that this gateway can use',
  USERNAME_TAKEN: 'your user name belongs to another person here: tell your administrators',
  USERNAME_OF_ROBOT: 'your user name is kept for a machine here: tell your administrators',
  KEY_OF_ROBOT: 'this key belongs to a machine: use a key of your own',
  POLICY_MISSING: 'no policy is in force, so nobody is let in',
  SIGNER_UNAVAILABLE: 'the signer of certificates is away, so nobody is let in: try again later',
  CERTIFICATE_EXPIRED: 'the certificate has ended: connect again',
  CERTIFICATE_FROZEN: 'the policy changed what cannot change while you are logged in: connect again',
  ROUTE_CHANGED: '{route} is another host now: connect again',
  SESSION_LIMIT: 'the session has lasted as long as it may: connect again',
  IDLE_TIMEOUT: 'nothing has passed for too long',
  LOGIN_EXPIRED: 'your login has come to its end: connect again',
  LOGIN_REVOKED: 'your login was revoked: sign in again',
  SESSION_ENDED: 'the session was ended by an operator',
  TARGET_UNREACHABLE: '{route} cannot be reached',
  TARGET_TIMEOUT: '{route} did not answer in time',
  TARGET_PROTOCOL: '{route} broke the protocol',
  TARGET_LEFT: '{route} ended the connection',
  TARGET_REFUSED: '{route} itself refused the login {login}: it may lack the account, or not trust this gateway',
  HOST_KEY_UNKNOWN: 'the host key of {route} is not known here, so nothing was sent to it: tell your administrators',
  HOST_KEY_MISMATCH:
    'the host key of {route} is not the known one, so nothing was sent to it: tell your administrators',
  HOST_KEY_REVOKED: 'the host key of {route} was revoked, so nothing was sent to it: tell your administrators',
  HOST_CERTIFICATE_INVALID:
    'the host certificate of {route} is not good for it now, so nothing was sent to it: tell your administrators',
  LOG_NOT_DURABLE: 'the decision could not be written down, so nobody is let in',
  STORE_UNAVAILABLE: 'the store does not answer, so nobody is let in',
}

/** `reasons`: what the policy wrote, of which only what has a message is for people. */
export function refusal(
  code: ErrorCode,
  asked?: Asked | AskedHere,
  decisionId?: string,
  reasons: readonly Reason[] = [],
): Refusal {
  const written = code === 'DENIED_BY_POLICY' ? reasons.filter(({ message }) => message !== '') : []
  const [first, ...others] = written.map(({ code: word, message }) => `${message} [${word}]`)
  const text =
    first === undefined ? fill(texts[code] ?? 'the gateway could not let you in', asked) : `denied by policy: ${first}`
  const told = code === 'ROUTE_UNKNOWN' || code === 'DENIED_BY_POLICY' ? [] : [code]
  const marks = [...told, ...(decisionId === undefined ? [] : [`decision ${decisionId}`])].join(', ')
  return { code, lines: [line(marks === '' ? text : `${text} (${marks})`), ...others.slice(0, 8).map(line)] }
}

function fill(text: string, asked: Asked | AskedHere | undefined): string {
  const { login, route } = asked?.route === undefined ? { login: 'that', route: 'the target' } : asked
  return text.replace('{asked}', `${login}@${route}`).replace('{route}', route).replace('{login}', login)
}

const line = (text: string): string => ascii(printable(text), 240)

/** For an open keyboard-interactive exchange, and for a banner. */
export const refusalText = ({ lines }: Refusal): string => ascii(`regate: ${lines.join('\n        ')}\n`, textMost)

export interface SignInWords {
  readonly asked: Asked | AskedHere
  readonly gateway: string
  readonly source: string
  readonly verificationUri: string
  readonly userCode: string
  readonly seconds: number
}

/** Who asks, from where, and what to do: the code by itself, since a link that carries it is what a phisher would send. */
export function signInText({ asked, gateway, source, verificationUri, userCode, seconds }: SignInWords): string {
  const minutes = Math.max(1, Math.round(seconds / 60))
  const what = asked.route === undefined ? `Sign in to ${gateway}` : `Sign in to reach ${asked.login}@${asked.route}`
  const through = asked.route === undefined ? '' : ` through ${gateway}`
  const text = [
    `${what}${through}, from ${source}.`,
    '',
    `  Open   ${verificationUri}`,
    `  Code   ${userCode}`,
    '',
    `Go on only if you started this ssh yourself. The code is good for ${minutes} min; this waits for you.`,
    '',
  ].join('\n')
  return ascii(text, textMost)
}
