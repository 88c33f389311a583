import type { Range } from '../lib/ip4.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { NO_PROMISES } from './promises.ts'
import { owners } from './ring.ts'
import type { AllocatorState } from './state.ts'

/** An owner that has not answered by then, nor ever said anything on the channel, is an old peer. */
const ANSWER_WITHIN = 3000
/** Those that have not answered are asked again: a message may go down with a connection. */
const ASK_EVERY = 300

/** A peer that may get, or may have got, its first space from the donor. */
export interface Guest {
  readonly donor: PeerName
  readonly peer: PeerName
}

/** An introduction on its way: other owners are being told. */
interface Introduction {
  /** What it has asked for. */
  readonly range: Range
  readonly deadline: number
  askAgainAt: number
  /** Told, no answer yet. */
  readonly awaited: Set<PeerName>
  isKnown: boolean
}

/**
 * A newcomer is made known to another owner before it gets its first space, and that owner writes it down. So whoever
 * removes the donor later, and asks every owner for consent, hears of the newcomer, however the network was cut up
 * meanwhile (rule and limits: docs/ipam.md).
 */
export class Introductions {
  readonly #state: AllocatorState
  readonly #isFrozen: (peer: PeerName) => boolean
  readonly #underway = new Map<PeerName, Introduction>()
  /** Whom others have introduced to us. Replaced when it changes, so that it can be kept until it is on disk. */
  #guests = NO_PROMISES.guests
  /** Owners that understand us, and those that did not answer in time. */
  readonly #speakers = new Set<PeerName>()
  readonly #mute = new Set<PeerName>()
  /** Who waits because nobody can be told; said once. */
  readonly #waiting = new Set<PeerName>()

  /** `isFrozen`: the peer is being removed, as far as we know. */
  constructor(state: AllocatorState, isFrozen: (peer: PeerName) => boolean) {
    this.#state = state
    this.#isFrozen = isFrozen
  }

  get guests(): readonly Guest[] {
    return this.#guests
  }

  /** What is on disk stands: an earlier process has answered it, or a change that settled it was undone. */
  resume(guests: readonly Guest[]): void {
    const more = this.#guests.filter((guest) => !includes(guests, guest))
    this.#guests = more.length === 0 ? guests : [...guests, ...more]
  }

  get nextDeadline(): number | undefined {
    const due = [...this.#underway.values()].map(({ deadline, askAgainAt }) => Math.min(deadline, askAgainAt))
    return due.length === 0 ? undefined : Math.min(...due)
  }

  /** Peers that any of the donors may have given their first space. */
  introducedBy(donors: ReadonlySet<PeerName>): PeerName[] {
    return this.#guests.filter(({ donor }) => donors.has(donor)).map(({ peer }) => peer)
  }

  /** Whether the peer may have space of ours now; if not, the owners within reach are told, and `advance` says when. */
  begin(peer: PeerName, range: Range, now: number): boolean {
    const { options, ring, world } = this.#state
    const named = owners(ring)
    const others = named.filter((owner) => owner !== options.self)
    // Without another owner nobody can take our space over but by force.
    if (named.includes(peer) || others.length === 0) return true
    if (this.#underway.has(peer)) return false
    const within = others.filter((owner) => world.isKnown(owner))
    const awaited = new Set(within.filter((owner) => !this.#mute.has(owner)))
    // Old peers cannot be told more than what gossip tells them.
    if (within.length > 0 && awaited.size === 0) return true
    if (within.length === 0) {
      this.#wait(peer)
      return false
    }
    const deadline = now + ANSWER_WITHIN
    this.#underway.set(peer, { range, deadline, askAgainAt: now + ASK_EVERY, awaited, isKnown: false })
    for (const owner of awaited) this.#tell(owner, peer)
    return false
  }

  /** Any message of the channel shows that its sender is none of the old peers. */
  heard(sender: PeerName): void {
    this.#speakers.add(sender)
    this.#mute.delete(sender)
  }

  /** Our space is not ours any more: nobody gets what was asked for, and nobody has to be remembered. */
  forget(): void {
    this.#underway.clear()
    this.#waiting.clear()
    this.#guests = NO_PROMISES.guests
  }

  /** Another owner has written the peer down. */
  confirmed(by: PeerName, peer: PeerName): void {
    const introduction = this.#underway.get(peer)
    if (introduction?.awaited.delete(by) === true) introduction.isKnown = true
  }

  /** The donor, whose ring is merged, asks us to remember the peer. */
  introduced(donor: PeerName, peer: PeerName): void {
    const named = owners(this.#state.ring)
    // Whoever takes the donor's space over may have had our answer already; or it owns nothing by what we know.
    if (this.#isFrozen(donor) || !named.includes(donor)) return
    const guest = { donor, peer }
    if (!named.includes(peer) && !includes(this.#guests, guest)) this.#guests = [...this.#guests, guest]
    this.#state.emit({ kind: 'takeover', to: donor, message: { kind: 'introduced', peer } })
  }

  /** Peers that may have what they asked for from now on; tells again who has not answered. */
  advance(now: number): { readonly peer: PeerName; readonly range: Range }[] {
    const ready: { peer: PeerName; range: Range }[] = []
    for (const [peer, introduction] of this.#underway) {
      const { awaited, deadline } = introduction
      for (const owner of awaited) if (!this.#state.world.isKnown(owner)) awaited.delete(owner)
      if (awaited.size > 0 && now < deadline) {
        if (now < introduction.askAgainAt) continue
        introduction.askAgainAt = now + ASK_EVERY
        for (const owner of awaited) this.#tell(owner, peer)
        continue
      }
      this.#underway.delete(peer)
      if (introduction.isKnown || this.#areOld(awaited)) ready.push({ peer, range: introduction.range })
      else this.#wait(peer)
    }
    for (const { peer } of ready) this.#waiting.delete(peer)
    return ready
  }

  /** Call when the ring has changed: who is known as an owner needs no introduction, nor does who can give nothing. */
  ringChanged(): void {
    if (this.#guests.length === 0) return
    const named = owners(this.#state.ring)
    const left = this.#guests.filter(({ donor, peer }) => named.includes(donor) && !named.includes(peer))
    if (left.length < this.#guests.length) this.#guests = left
  }

  #areOld(silent: ReadonlySet<PeerName>): boolean {
    if (silent.size === 0 || [...silent].some((owner) => this.#speakers.has(owner))) return false
    for (const owner of silent) this.#mute.add(owner)
    return true
  }

  #wait(peer: PeerName): void {
    if (this.#waiting.has(peer)) return
    this.#waiting.add(peer)
    this.#state.emit({ kind: 'event', event: { kind: 'newcomer-waits', peer } })
  }

  #tell(owner: PeerName, peer: PeerName): void {
    this.#state.emit({ kind: 'introduce', to: owner, peer })
  }
}

const includes = (guests: readonly Guest[], { donor, peer }: Guest): boolean =>
  guests.some((guest) => guest.donor === donor && guest.peer === peer)
