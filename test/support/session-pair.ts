import { parsePeerName } from '../../src/lib/peer-name.ts'
import type { RemoteIntroduction } from '../../src/mesh/introduction.ts'
import { Session } from '../../src/mesh/session.ts'
import type { SessionOptions, SessionOutput } from '../../src/mesh/session-types.ts'
import { naclCrypto } from './nacl-crypto.ts'

/** Options of one side; with a password a fresh key pair as well. */
export function sessionOptions(
  change: Partial<SessionOptions> & {
    readonly secret?: string
    readonly features?: ReadonlyMap<string, string>
  } = {},
): SessionOptions {
  const { secret, features, ...rest } = change
  const outbound = rest.outbound ?? false
  return {
    outbound,
    local: {
      name: parsePeerName(outbound ? '::1' : '::2'),
      nickname: outbound ? 'dialler' : 'acceptor',
      uid: outbound ? 11n : 22n,
      connId: outbound ? 0xf0n : 0x0fn,
      shortId: outbound ? 101 : 102,
      trustsRemote: false,
      features: features ?? new Map([['Overlays', 'fastdp sleeve']]),
    },
    minVersion: 1,
    maxVersion: 2,
    password: secret === undefined ? undefined : new TextEncoder().encode(secret),
    crypto: naclCrypto,
    keyPair: secret === undefined ? undefined : naclCrypto.keyPair(),
    ...rest,
  }
}

/** One end of a connection whose bytes only move when told to. */
export class Endpoint {
  readonly session: Session
  /** What was written and not yet carried to the other end, one element per write. */
  readonly written: Uint8Array[] = []
  readonly messages: { readonly tag: number; readonly payload: Uint8Array }[] = []
  remote: RemoteIntroduction | undefined
  failure: string | undefined

  constructor(options: SessionOptions, now = 0) {
    this.session = new Session(options, now)
    this.take(this.session.start())
  }

  receive(bytes: Uint8Array, now = 0): void {
    this.take(this.session.receive(bytes, now))
  }

  take(outputs: readonly SessionOutput[]): void {
    for (const output of outputs) {
      switch (output.kind) {
        case 'write':
          this.written.push(output.bytes)
          break
        case 'introduced':
          this.remote = output.remote
          break
        case 'message':
          this.messages.push(output)
          break
        case 'failed':
          this.failure = output.reason
          break
      }
    }
  }
}

/** Carries bytes both ways until nothing is on its way. */
export function converse(a: Endpoint, b: Endpoint, now = 0): void {
  while (a.written.length > 0 || b.written.length > 0) {
    for (const bytes of a.written.splice(0)) b.receive(bytes, now)
    for (const bytes of b.written.splice(0)) a.receive(bytes, now)
  }
}

/** Two sessions that were introduced to each other. */
export function introduced(secret?: string): { dialler: Endpoint; acceptor: Endpoint } {
  const given = secret === undefined ? {} : { secret }
  const dialler = new Endpoint(sessionOptions({ outbound: true, ...given }))
  const acceptor = new Endpoint(sessionOptions({ outbound: false, ...given }))
  converse(dialler, acceptor)
  return { dialler, acceptor }
}
