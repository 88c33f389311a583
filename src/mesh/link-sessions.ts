import { messageOf, WireError } from '../lib/errors.ts'
import { FULL_FEATURE, isFull } from './admission.ts'
import { formatHostPort } from './host-port.ts'
import type { RemoteIntroduction } from './introduction.ts'
import type { Link } from './link.ts'
import type { Links } from './links.ts'
import type { MeshOptions, MeshOutput, MeshParts } from './node-types.ts'
import type { Peer } from './peer.ts'
import { restartFeature } from './restart.ts'
import { Session } from './session.ts'
import type { SessionOutput } from './session-types.ts'
import { TOPOLOGY_FEATURE, TOPOLOGY_FORMAT } from './topology-message.ts'
import { TrustedSubnets } from './trusted-subnets.ts'

/**
 * Heartbeats and silence are looked after this often at most, in ms: with many neighbours something would be due all
 * the time, and a second more or less is nothing to them.
 */
const LOOK_EVERY = 1_000

/** What becomes of a session's outputs. */
export interface LinkEvents {
  readonly introduced: (link: Link, remote: RemoteIntroduction, now: number) => void
  readonly message: (link: Link, tag: number, payload: Uint8Array, now: number) => void
  /** `fault`: what was thrown, where it is a fault of ours and not of the other side. */
  readonly failed: (link: Link, reason: string, now: number, fault?: unknown) => void
}

/** Runs the sessions of all connections: bytes in, bytes out, introductions and messages to `events`. */
export class LinkSessions {
  readonly #options: MeshOptions
  readonly #parts: MeshParts
  readonly #self: Peer
  readonly #links: Links
  readonly #emit: (output: MeshOutput) => void
  readonly #events: LinkEvents
  readonly #trusted: TrustedSubnets

  constructor(
    node: {
      readonly options: MeshOptions
      readonly parts: MeshParts
      readonly self: Peer
      readonly links: Links
      readonly emit: (output: MeshOutput) => void
    },
    events: LinkEvents,
  ) {
    this.#options = node.options
    this.#parts = node.parts
    this.#self = node.self
    this.#links = node.links
    this.#emit = node.emit
    this.#events = events
    this.#trusted = new TrustedSubnets(node.options.trustedSubnets)
  }

  start(link: Link, now: number): void {
    const { minVersion, maxVersion, password } = this.#options
    const { crypto } = this.#parts
    const keyPair = password === undefined ? undefined : crypto.keyPair()
    const { outbound } = link
    const local = this.#introductionTo(link)
    link.session = new Session({ outbound, local, minVersion, maxVersion, password, crypto, keyPair }, now)
    this.#take(link, link.session.start(), now)
  }

  receive(link: Link, bytes: Uint8Array, now: number): void {
    if (link.session !== undefined) this.#take(link, link.session.receive(bytes, now), now)
  }

  closed(link: Link, reason: string, now: number): void {
    if (link.session !== undefined) this.#take(link, link.session.closed(reason), now)
  }

  send(link: Link, tag: number, payload: Uint8Array, now: number): void {
    if (link.session !== undefined) this.#take(link, link.session.send(tag, payload), now)
  }

  /** Heartbeats and silence. Returns when to look again. */
  advance(now: number): number {
    let next = Number.POSITIVE_INFINITY
    for (const link of [...this.#links]) {
      const { session } = link
      if (session === undefined) continue
      if (session.nextDeadline() <= now) this.#take(link, session.advance(now, timedOut(link)), now)
      next = Math.min(next, session.nextDeadline())
    }
    return Math.max(next, now + LOOK_EVERY)
  }

  /** Whether the overlay's traffic to this remote may go in clear for our part (mesh §5.2). */
  trusts(link: Link): boolean {
    return this.#trusted.contains(link.remote.host)
  }

  #introductionTo(link: Link) {
    const { name, nickname, extensions } = this.#options
    const features = new Map(this.#parts.overlay.features())
    if (extensions !== false) features.set(TOPOLOGY_FEATURE, TOPOLOGY_FORMAT)
    for (const [key, value] of restartFeature(this.#options)) features.set(key, value)
    if (extensions !== false && isFull(this.#links, this.#options)) features.set(FULL_FEATURE, 'true')
    const { uid, shortId } = this.#self
    return {
      name,
      nickname,
      uid,
      connId: this.#parts.rng.u64(),
      shortId,
      trustsRemote: this.trusts(link),
      features,
    }
  }

  #take(link: Link, outputs: readonly SessionOutput[], now: number): void {
    for (const output of outputs) {
      // What came before in the list may have ended the connection.
      if (this.#links.get(link.id) !== link) return
      switch (output.kind) {
        case 'write':
          this.#emit({ kind: 'write', id: link.id, bytes: output.bytes })
          break
        case 'introduced':
          this.#guard(link, now, () => this.#events.introduced(link, output.remote, now))
          break
        case 'message':
          this.#guard(link, now, () => this.#events.message(link, output.tag, output.payload, now))
          break
        case 'too-large':
          if (link.peer !== undefined) this.#emit({ kind: 'ignored', peer: link.peer, reason: output.reason })
          break
        case 'failed':
          this.#events.failed(link, output.reason, now)
      }
    }
  }

  /** What remote input makes anybody throw ends its connection and nothing else. */
  #guard(link: Link, now: number, step: () => void): void {
    try {
      step()
    } catch (thrown) {
      if (thrown instanceof WireError) this.#events.failed(link, thrown.message, now)
      else this.#events.failed(link, `internal error: ${messageOf(thrown)}`, now, thrown)
    }
  }
}

/** As the kernel's own errors are called, so that it shows between whom there was silence. */
const timedOut = ({ local, remote }: Link): string =>
  `read tcp ${local === undefined ? '' : formatHostPort(local.host, local.port)}->${formatHostPort(remote.host, remote.port)}: i/o timeout`
