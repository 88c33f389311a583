import type { LocalIntroduction, ProtocolVersion, RemoteIntroduction } from './introduction.ts'
import type { KeyPair, MeshCrypto } from './mesh-crypto.ts'

/** What one side of a TCP connection between peers is started with. */
export interface SessionOptions {
  /** We dialled. */
  readonly outbound: boolean
  readonly local: LocalIntroduction
  readonly minVersion: ProtocolVersion
  readonly maxVersion: ProtocolVersion
  /** Undefined: in clear. An empty password is refused by the configuration, not here. */
  readonly password: Uint8Array | undefined
  readonly crypto: MeshCrypto
  /** Fresh for this connection; used only with a password. */
  readonly keyPair: KeyPair | undefined
}

/** What a session wants done. `failed` is the last output: the shell closes the socket. */
export type SessionOutput =
  | { readonly kind: 'write'; readonly bytes: Uint8Array }
  | { readonly kind: 'introduced'; readonly remote: RemoteIntroduction }
  /** Never tag 0: heartbeats are sent and taken by the session itself. */
  | { readonly kind: 'message'; readonly tag: number; readonly payload: Uint8Array }
  /** A message of ours that no peer would take; it was not sent, the connection stays. */
  | { readonly kind: 'too-large'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string }
