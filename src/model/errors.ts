import { printableLines } from './text.ts'

/**
 * Every code that the gateway gives, with what it means. Messages may change, codes do not: they stand in the decision
 * log, in what a person is told, and in the documentation.
 */
export const errorCodes = {
  // What an operator wrote
  CONFIG_INVALID: 'the configuration does not say what it must, or says what is not known',
  KEY_FILE: 'a key file is missing, unreadable, open to others, or of a kind that is not taken',
  FOLDER_TAKEN: 'a working folder would be made where there is one already',
  LISTEN_FAILED: 'an address that cannot be listened on',

  // Who knocks
  NAME_GRAMMAR: 'the user name is not written login@route',
  JUMP_PERSON: 'somebody else inside a jump than the person of the connection that it is in',
  ROUTE_UNKNOWN: 'no route has that name',
  KEY_UNSUPPORTED: 'a key of a kind that is not taken',
  ROBOT_EXPIRED: 'a robot’s key whose time is over',
  ROBOT_SOURCE: 'a robot’s key from where it may not come',
  TOO_MANY_ATTEMPTS: 'more offers or attempts on one connection than are taken',
  TOO_MANY_CONNECTIONS: 'more connections waiting to authenticate than are taken',
  SOURCE_PENALISED: 'a source that is not taken for a while, for what it did before',
  PROXY_HEADER: 'a proxy that is named in the configuration did not say whom it brings',
  TOO_MANY_SESSIONS: 'more live sessions, of one person or of all, than are taken',
  TOO_MANY_SIGN_INS: 'more sign-ins pending, or begun within a minute, than are taken',
  GRACE_EXCEEDED: 'authentication took longer than it may',
  NO_COMMON_ALGORITHM: 'client and gateway have no algorithm in common',
  CLIENT_LEFT: 'the client went away',
  SHUTTING_DOWN: 'the gateway is stopping',
  GATEWAY_GONE: 'the gateway was killed, and its sessions with it',

  // Signing in
  SIGN_IN_DENIED: 'the sign-in was refused at the identity provider',
  SIGN_IN_EXPIRED: 'the code was not used in time',
  ISSUER_UNAVAILABLE: 'the identity provider did not answer',
  ISSUER_INVALID: 'the identity provider answered something that may not be believed',
  CLAIMS_INVALID: 'the ID token names nobody that can be let in',
  USERNAME_TAKEN: 'a person whose name belongs to another person',
  USERNAME_OF_ROBOT: 'a person whose name is a robot’s',
  KEY_OF_ROBOT: 'a person who signs in with a robot’s key',
  KEY_SHARED: 'a person signed in with a key by which another had a login',

  // The policy
  POLICY_MISSING: 'no usable policy bundle is loaded',
  POLICY_BUNDLE: 'a policy bundle that cannot be used',
  POLICY_BUILTIN_UNSERVED: 'a policy bundle that needs a built-in function the gateway does not serve',
  POLICY_UNDEFINED: 'the entrypoint gave no result',
  POLICY_CONFLICT: 'two rules gave different results',
  POLICY_BUILTIN_FAILED: 'a built-in function met an error',
  POLICY_FAILED: 'the evaluation did not finish',
  POLICY_TIMEOUT: 'the evaluation took longer than it may',
  POLICY_MEMORY: 'the evaluation needed more memory than it may have',
  POLICY_BUSY: 'more evaluations waiting than are taken',
  POLICY_INPUT: 'an input that the policy cannot be asked with',
  DECISION_SHAPE: 'the policy answered something that is not a decision',
  DENIED_BY_POLICY: 'the policy said no',
  CHALLENGE_UNSUPPORTED: 'the policy demands something that the gateway cannot yet ask for',

  // The certificate
  CERTIFICATE_PRINCIPAL: 'a name that may not stand in a certificate',
  CERTIFICATE_LOGIN: 'the principals do not hold the login that was asked for',
  CERTIFICATE_TTL: 'a lifetime longer than the gateway signs',
  CERTIFICATE_OPTION_UNKNOWN: 'an option or extension that no table knows',
  CERTIFICATE_OPTION_REFUSED: 'an option that says nothing about the gateway’s own key',
  CERTIFICATE_OPTION_VALUE: 'an option or extension whose value has the wrong shape',
  CERTIFICATE_OPTION_UNENFORCED: 'an extension that the gateway cannot yet enforce',
  CERTIFICATE_SOURCE_ADDRESS: 'a source-address that leaves out the gateway itself',
  CERTIFICATE_MALFORMED: 'bytes that are not an OpenSSH user certificate',
  CERTIFICATE_SIGNATURE: 'a certificate that this authority did not sign',
  CERTIFICATE_SIGNER: 'the authority did not sign',
  SIGNER_UNAVAILABLE: 'the agent that holds the CA’s key is away, or does not hold it',
  CERTIFICATE_EXPIRED: 'the certificate’s end has come',
  CERTIFICATE_FROZEN: 'a later certificate of a session that changes what sshd has done by the first',
  ROUTE_CHANGED: 'the route of a live session leads to another host now',
  SESSION_LIMIT: 'the session has lasted as long as its certificate lets it',
  IDLE_TIMEOUT: 'no data has passed for as long as the certificate lets it be',
  LOGIN_EXPIRED: 'the login has come to its end before a route was chosen',
  NO_TERMINAL: 'a route chosen in the menu whose certificate opens no terminal with a shell',
  LOGIN_REVOKED: 'the login was revoked',
  SESSION_ENDED: 'an operator has ended the session',

  // The target
  TARGET_UNREACHABLE: 'no connection to the target',
  TARGET_TIMEOUT: 'the target did not answer in time',
  TARGET_PROTOCOL: 'the target broke the protocol',
  HOST_KEY_UNKNOWN: 'the target’s host key is not known',
  HOST_KEY_MISMATCH: 'the target’s host key is another than the known one',
  HOST_KEY_REVOKED: 'the target’s host key, or who certified it, is marked as revoked',
  HOST_CERTIFICATE_INVALID: 'the target’s host certificate is not good for it now',
  TARGET_REFUSED: 'the target refused the certificate',
  TARGET_LEFT: 'the target ended the connection',

  // The log and its store
  LOG_NOT_DURABLE: 'the decision could not be written down',
  STORE_UNAVAILABLE: 'the store did not answer',

  // The wire
  WIRE_MALFORMED: 'bytes that do not read as what they should be',
  PROTOCOL_ERROR: 'a message that may not come now, or is not known',
  WINDOW_EXCEEDED: 'more data than the other side had allowed',
  RELAY_LIMIT: 'more open or unanswered on one connection than is taken',
  INTERNAL: 'a fault of the gateway’s own',
} as const

export type ErrorCode = keyof typeof errorCodes

/**
 * An error with a code of the table above. The message is for people, and has no control characters but line ends. It tells
 * how something came out, and so has no stack, which would cost more than all else of it; a fault of our own has one.
 */
export class GatewayError extends Error {
  readonly code: ErrorCode
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    const { stackTraceLimit } = Error
    if (code !== 'INTERNAL') Error.stackTraceLimit = 0
    super(printableLines(message), options)
    Error.stackTraceLimit = stackTraceLimit
    this.name = 'GatewayError'
    this.code = code
  }
}

/** The error itself when it is one of ours, else a new one with the given code that keeps it as its cause. */
export function asGatewayError(thrown: unknown, code: ErrorCode, message: string): GatewayError {
  return thrown instanceof GatewayError ? thrown : new GatewayError(code, message, { cause: thrown })
}
