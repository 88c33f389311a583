import { formatPeerName, type PeerName } from '../lib/peer-name.ts'
import type { Introductions } from './introductions.ts'
import { NO_PROMISES } from './promises.ts'
import type { Answer, RequestId } from './request.ts'
import { owners } from './ring.ts'
import type { AllocatorState } from './state.ts'
import type { TakeoverMessage } from './takeover-codec.ts'

/** Peers that have not answered by then are old ones, unless they have answered before. */
const ANSWER_WITHIN = 4000
/** Those that have not answered are asked again: a message may go down with a connection. */
const ASK_EVERY = 1000

interface Attempt {
  readonly id: RequestId
  readonly dead: PeerName
  /** Peers that are as dead, and removed with it. */
  readonly gone: readonly PeerName[]
  readonly deadline: number
  askAgainAt: number
  /** Asked, without their consent yet. */
  readonly awaited: Set<PeerName>
  /** Who refused because of a promise to somebody else: that one knows whether the promise still stands. */
  readonly referred: Map<PeerName, PeerName>
  readonly consented: Set<PeerName>
}

/** What is to be done with the dead peer's space now that nobody else will. */
export interface Takeover {
  readonly id: RequestId
  readonly dead: PeerName
}

/**
 * Sees to it that a dead peer's space gets one new owner, however many operators remove it at once (rules and
 * argument: docs/ipam.md). Whoever wants it must reach every other owner of the ring, learns from each what the
 * dead peer gave away last, and holds the consent of all; consent is given to one at a time.
 */
export class Takeovers {
  readonly #state: AllocatorState
  readonly #isDisputed: () => boolean
  readonly #introductions: Pick<Introductions, 'introducedBy'>
  readonly #attempts = new Map<PeerName, Attempt>()
  /** To whom we have given our consent, by dead peer. Replaced when it changes, so that it can be kept until it is on disk. */
  #promised = NO_PROMISES.consents
  /** Peers that understand us. */
  readonly #speakers = new Set<PeerName>()

  /** `isDisputed`: others say that part of what we think is ours is theirs. */
  constructor(
    state: AllocatorState,
    isDisputed: () => boolean,
    introductions: Pick<Introductions, 'introducedBy'>,
  ) {
    this.#state = state
    this.#isDisputed = isDisputed
    this.#introductions = introductions
  }

  /** To whom we have given our consent, by dead peer. */
  get consents(): ReadonlyMap<PeerName, PeerName> {
    return this.#promised
  }

  /** What is on disk stands: an earlier process has consented to it, or a change that settled it was undone. */
  resume(consents: ReadonlyMap<PeerName, PeerName>): void {
    const isMore = [...this.#promised.keys()].some((dead) => !consents.has(dead))
    this.#promised = isMore ? new Map([...consents, ...this.#promised]) : consents
  }

  get nextDeadline(): number | undefined {
    const due = [...this.#attempts.values()].map(({ deadline, askAgainAt }) => Math.min(deadline, askAgainAt))
    return due.length === 0 ? undefined : Math.min(...due)
  }

  /** `gone`: peers that are as dead and will be removed, too. Starts an attempt; the takeover at once if there is nobody to ask, an answer if it is refused. */
  begin(id: RequestId, dead: PeerName, gone: ReadonlySet<PeerName>, now: number): Takeover | undefined {
    const reason = this.#whyNot(dead, gone)
    if (reason !== undefined) {
      this.#refuse(id, reason)
      return undefined
    }
    const { nicknames, options, ring, world } = this.#state
    const asked = new Set([...nicknames.all.keys(), ...owners(ring), ...this.#guestsOf(dead, gone)])
    for (const peer of asked) {
      if (peer === options.self || peer === dead || !world.isKnown(peer)) asked.delete(peer)
    }
    if (asked.size === 0) return { id, dead }
    this.#attempts.set(dead, {
      id,
      dead,
      gone: [...gone],
      deadline: now + ANSWER_WITHIN,
      askAgainAt: now + ASK_EVERY,
      awaited: asked,
      referred: new Map(),
      consented: new Set(),
    })
    for (const peer of asked) this.#ask(peer, { dead, gone: [...gone] })
    return undefined
  }

  /** The ring that came with a consent contradicts ours: nobody may build on either. */
  contradicted(by: PeerName, dead: PeerName): void {
    const attempt = this.#attempts.get(dead)
    if (attempt !== undefined)
      this.#giveUp(attempt, `the ring of ${this.#names([by])} contradicts ours, see 'weave status'`)
  }

  /** A takeover if the message was the last consent that it needed. The ring of a consent is merged before. */
  receive(sender: PeerName, message: TakeoverMessage): Takeover | undefined {
    this.#speakers.add(sender)
    switch (message.kind) {
      case 'ask':
        this.#asked(sender, message.dead, message.gone)
        return undefined
      case 'release':
        this.#voidPromises((dead, holder) => dead === message.dead && holder === sender)
        return undefined
      case 'consent': {
        const attempt = this.#attempts.get(message.dead)
        if (!attempt?.awaited.delete(sender)) return undefined
        attempt.consented.add(sender)
        this.#askAlso(attempt, message.guests)
        if (!this.#attempts.has(message.dead)) return undefined
        // It does not want the space: what others have promised it is void.
        for (const [peer, holder] of attempt.referred) {
          if (holder === sender) this.#ask(peer, attempt)
        }
        return attempt.awaited.size === 0 ? this.#won(attempt) : undefined
      }
      case 'refuse':
        this.#refused(message.dead, sender, message.holder)
        return undefined
      case 'introduce':
      case 'introduced':
        return undefined
      default:
        return message satisfies never
    }
  }

  /** Asks again, and ends attempts whose time is over: won if only old peers kept silent. */
  advance(now: number): Takeover[] {
    for (const attempt of this.#attempts.values()) {
      if (now < attempt.askAgainAt) continue
      attempt.askAgainAt = now + ASK_EVERY
      for (const peer of attempt.awaited) this.#ask(peer, attempt)
    }
    const over = [...this.#attempts.values()].filter((attempt) => attempt.deadline <= now)
    return over.flatMap((attempt): Takeover[] => {
      const silent = [...attempt.awaited].filter((peer) => this.#speakers.has(peer))
      if (silent.length === 0) return [this.#won(attempt)]
      this.#giveUp(attempt, `${this.#names(silent)} did not answer; try again`)
      return []
    })
  }

  /** True while we must not take space from this peer: somebody takes all of it over. */
  isFrozen(peer: PeerName): boolean {
    return this.#promised.has(peer) || this.#attempts.has(peer)
  }

  /** Call when the ring has changed: a promise is kept until we have seen what came of it. */
  ringChanged(): void {
    if (this.#promised.size === 0) return
    const left = new Set(owners(this.#state.ring))
    this.#voidPromises((dead) => !left.has(dead))
  }

  cancel(id: RequestId): void {
    for (const attempt of this.#attempts.values()) if (attempt.id === id) this.#giveUp(attempt, 'cancelled')
  }

  #whyNot(dead: PeerName, gone: ReadonlySet<PeerName>): string | undefined {
    const { options, ring, world } = this.#state
    // We were removed, or have missed who was: whom our ring calls owners may be wrong.
    if (this.#isDisputed())
      return "others own part of what this peer thinks is its own, see 'weave status': remove it on another host"
    const others = owners(ring).filter((peer) => peer !== dead && !gone.has(peer))
    const needed = [...others, ...this.#guestsOf(dead, gone)]
    const missing = needed.filter((peer) => peer !== options.self && !world.isKnown(peer))
    if (missing.length > 0) {
      return this.#whyMissing(missing)
    }
    if (others.length === 0) {
      return 'no other peer owns space, so another host could take it at the same time: use --force on one host only'
    }
    const holder = this.#promised.get(dead)
    // One that can be reached is asked like everybody else.
    if (holder !== undefined && !world.isKnown(holder) && !gone.has(holder))
      return `${this.#names([holder])} was removing it and cannot be reached; --force goes ahead without it`
    if (this.#attempts.has(dead)) return 'it is being removed already'
    return undefined
  }

  /** Peers that may have space of the dead ones, though no ring says so. */
  #guestsOf(dead: PeerName, gone: Iterable<PeerName>): PeerName[] {
    const donors = new Set([dead, ...gone])
    return this.#introductions.introducedBy(donors).filter((peer) => !donors.has(peer))
  }

  /** What comes with consents may name owners that we had not heard of: each has to be reached as well. */
  #askAlso(attempt: Attempt, guests: readonly PeerName[]): void {
    const { options, ring, world } = this.#state
    const { dead, gone, consented, awaited } = attempt
    const needed = new Set([...owners(ring), ...guests])
    for (const peer of [options.self, dead, ...gone, ...consented, ...awaited]) needed.delete(peer)
    const missing = [...needed].filter((peer) => !world.isKnown(peer))
    if (missing.length > 0) {
      this.#giveUp(attempt, this.#whyMissing(missing))
      return
    }
    for (const peer of needed) {
      awaited.add(peer)
      this.#ask(peer, attempt)
    }
  }

  #whyMissing(missing: readonly PeerName[]): string {
    return `${this.#names(missing)} cannot be reached and may have got space from it: bring it back, or remove all dead hosts in one command`
  }

  #asked(sender: PeerName, dead: PeerName, gone: readonly PeerName[]): void {
    const { options } = this.#state
    if (this.#state.isKnown(dead)) {
      this.#send(sender, { kind: 'refuse', dead, holder: dead })
      return
    }
    const ours = this.#attempts.get(dead)
    // Of two at once the lower name goes first.
    if (ours !== undefined && options.self < sender) {
      this.#send(sender, { kind: 'refuse', dead, holder: options.self })
      return
    }
    const promised = this.#promised.get(dead) ?? sender
    // Who is removed as well, and does not answer for itself, takes nothing over any more.
    const holder = gone.includes(promised) && !this.#state.isKnown(promised) ? sender : promised
    if (holder !== sender) {
      this.#send(sender, { kind: 'refuse', dead, holder })
      // Who has promised it to another does not want it itself: two that wait for each other would for ever.
      if (ours === undefined && owners(this.#state.ring).includes(dead)) this.#releaseAll(dead, options.self)
      return
    }
    if (ours !== undefined) this.#giveUp(ours, `${this.#names([sender])} is removing it already`)
    this.#voidPromisesTo(dead)
    if (this.#promised.get(dead) !== sender) this.#promised = new Map([...this.#promised, [dead, sender]])
    // An attempt of an earlier process of ours may have left promises behind.
    this.#releaseAll(dead, sender)
    // Whoever removes another peer may become an owner by that.
    const takers = [...this.#promised].flatMap(([other, to]) => (other === dead ? [] : [to]))
    const guests = [...new Set([...this.#guestsOf(dead, gone), ...takers])]
    this.#state.emit({ kind: 'consent', to: sender, dead, guests })
  }

  #refused(dead: PeerName, by: PeerName, holder: PeerName): void {
    const attempt = this.#attempts.get(dead)
    if (attempt === undefined) return
    const isReferral = holder !== by && holder !== dead && attempt.referred.get(by) !== holder
    if (isReferral && (attempt.consented.has(holder) || attempt.awaited.has(holder))) {
      attempt.referred.set(by, holder)
      if (attempt.consented.has(holder)) this.#ask(by, attempt)
      return
    }
    this.#giveUp(attempt, this.#whyRefused(dead, by, holder))
  }

  #whyRefused(dead: PeerName, by: PeerName, holder: PeerName): string {
    if (holder === dead) return `${this.#names([by])} can still reach it`
    if (this.#state.isKnown(holder)) return `${this.#names([holder])} is removing it already`
    return `${this.#names([holder])} was removing it and cannot be reached: bring it back, or remove all dead hosts in one command`
  }

  #won(attempt: Attempt): Takeover {
    this.#attempts.delete(attempt.dead)
    this.#voidPromisesTo(attempt.dead)
    return { id: attempt.id, dead: attempt.dead }
  }

  #giveUp(attempt: Attempt, reason: string): void {
    this.#attempts.delete(attempt.dead)
    for (const peer of [...attempt.consented, ...attempt.awaited])
      this.#send(peer, { kind: 'release', dead: attempt.dead })
    this.#refuse(attempt.id, reason)
  }

  /** Who is dead takes nothing over any more. */
  #voidPromisesTo(holder: PeerName): void {
    this.#voidPromises((_, to) => to === holder)
  }

  #voidPromises(isVoid: (dead: PeerName, holder: PeerName) => boolean): void {
    const left = [...this.#promised].filter(([dead, holder]) => !isVoid(dead, holder))
    if (left.length < this.#promised.size) this.#promised = new Map(left)
  }

  #releaseAll(dead: PeerName, except: PeerName): void {
    const { nicknames, options, world } = this.#state
    for (const peer of nicknames.all.keys()) {
      if (peer !== options.self && peer !== except && world.isKnown(peer))
        this.#send(peer, { kind: 'release', dead })
    }
  }

  #ask(peer: PeerName, { dead, gone }: Pick<Attempt, 'dead' | 'gone'>): void {
    this.#send(peer, { kind: 'ask', dead, gone })
  }

  #refuse(id: RequestId, reason: string): void {
    const answer: Answer = { kind: 'failed', code: 'peer-disputed', text: `not removed: ${reason}` }
    this.#state.answer(id, answer)
  }

  #send(to: PeerName, message: TakeoverMessage): void {
    this.#state.emit({ kind: 'takeover', to, message })
  }

  #names(peers: readonly PeerName[]): string {
    return peers.map((peer) => this.#state.nicknames.of(peer) ?? formatPeerName(peer)).join(', ')
  }
}
