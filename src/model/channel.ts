import type { CriticalOptionName, ExtensionName } from './certificate.ts'
import type { ByteString } from './glob.ts'
import type { SftpUse } from './sftp.ts'

/** Something a client asks for on the connection, as far as a certificate can say yes or no to it (RFC 4254). */
export type Ask =
  /** `openSessions`: session channels that are open already. */
  | { readonly kind: 'session'; readonly openSessions: number }
  | { readonly kind: 'pty' | 'agent' | 'x11' | 'shell' }
  | { readonly kind: 'exec'; readonly command: ByteString }
  | { readonly kind: 'subsystem' | 'env'; readonly name: ByteString }
  | { readonly kind: 'direct-tcpip' | 'tcpip-forward'; readonly host: string; readonly port: number }
  | { readonly kind: 'direct-streamlocal' | 'streamlocal-forward'; readonly path: ByteString }
  /** One request of an sftp session; what it does to no file needs no permit but that for sftp. */
  | { readonly kind: 'sftp'; readonly uses: readonly SftpUse[] }

/** `field`: what in the certificate decided, or what it lacks; none when it is not a matter for certificates. */
export type Verdict =
  | { readonly permitted: true; readonly field: Field }
  | { readonly permitted: false; readonly field?: Field; readonly because: string }
export type Field = ExtensionName | CriticalOptionName | 'validity'
