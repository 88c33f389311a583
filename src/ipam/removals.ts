import type { PeerName } from '../lib/peer-name.ts'
import type { Donations } from './donations.ts'
import type { Introductions } from './introductions.ts'
import type { Leases } from './lease/leases.ts'
import type { Replica } from './replica.ts'
import type { RequestId } from './request.ts'
import type { Requests } from './requests.ts'
import { owners } from './ring.ts'
import { transfer } from './ring-change.ts'
import type { AllocatorState } from './state.ts'
import type { Takeover, Takeovers } from './takeover.ts'
import type { TakeoverMessage } from './takeover-codec.ts'

export interface RemovalParts {
  readonly state: AllocatorState
  readonly replica: Replica
  readonly requests: Requests
  readonly takeovers: Takeovers
  readonly introductions: Introductions
  readonly donations: Donations
  /** Those of the ring that is ours at the time; undefined without any. */
  readonly leases: () => Leases | undefined
}

/** `weave rmpeer`: the space of a dead peer becomes ours (ipam §12). */
export class Removals {
  readonly #parts: RemovalParts

  constructor(parts: RemovalParts) {
    this.#parts = parts
  }

  /**
   * With the others' consent, or by force at once. Answered with `taken`.
   * `gone`: other peers that are dead as well, and so are not asked.
   */
  remove(
    id: RequestId,
    peer: PeerName,
    options: { readonly force: boolean; readonly gone: ReadonlySet<PeerName> },
    now: number,
  ): void {
    const { state, takeovers } = this.#parts
    const leases = this.#parts.leases()
    if (peer !== state.options.self && !options.force && leases?.governs(peer) === true) {
      leases.order(id, peer, options.gone, now)
      return
    }
    if (peer === state.options.self || !owners(state.ring).includes(peer))
      state.answer(id, { kind: 'taken', count: 0 })
    else {
      const takeover = options.force ? { id, dead: peer } : takeovers.begin(id, peer, options.gone, now)
      if (takeover !== undefined) this.#takeOver(takeover, now)
    }
    // Also who owns nothing may vote, and be missed.
    if (options.force && peer !== state.options.self) leases?.expel(peer, options.gone, now)
  }

  advance(now: number): void {
    for (const takeover of this.#parts.takeovers.advance(now)) this.#takeOver(takeover, now)
  }

  receive(sender: PeerName, message: TakeoverMessage, now: number): void {
    const { replica, requests, takeovers, introductions, donations } = this.#parts
    introductions.heard(sender)
    if (message.kind === 'introduced') {
      introductions.confirmed(sender, message.peer)
      donations.advance(now)
    }
    if (message.kind === 'introduce' && !takeovers.isFrozen(sender)) {
      const merged = replica.merge(message.ring)
      if (merged === 'news') requests.retry(now)
      if (merged !== 'conflict') introductions.introduced(sender, message.peer)
    }
    if (message.kind === 'consent') {
      // What the dead peer gave away last is known before its space is ours; without it we would take over what
      // somebody else has by now.
      const merged = replica.merge(message.ring)
      if (merged === 'news') requests.retry(now)
      if (merged === 'conflict') takeovers.contradicted(sender, message.dead)
    }
    const takeover = takeovers.receive(sender, message)
    if (takeover !== undefined) this.#takeOver(takeover, now)
  }

  #takeOver({ id, dead }: Takeover, now: number): void {
    const { state, replica, requests } = this.#parts
    const { space } = state.holdings
    const before = space.freeCount
    replica.adopt(transfer(state.ring, dead, state.options.self).ring)
    replica.forgetConflict(dead)
    state.answer(id, { kind: 'taken', count: space.freeCount - before })
    requests.retry(now)
    state.emit({ kind: 'broadcast' })
  }
}
