import type { Range } from '../lib/ip4.ts'
import type { PeerName } from '../lib/peer-name.ts'
import type { Ring } from './ring.ts'

/** How long an unanswered request for space keeps others for the same range back. */
const ANSWER_WITHIN = 5000
/** How long a denial stands if the ring shows no change at the donor: its free count may have got lost. */
const DENIAL_STANDS = 60_000

interface Denial {
  readonly at: number
  /** The donor's entries when it denied. */
  readonly stamp: number
}

interface Ask {
  /** When the last request was sent that has no answer yet. */
  openSince: number | undefined
  readonly denials: Map<PeerName, Denial>
}

/**
 * Requests for space on their way. One donation serves many who wait, so there is one request for a range at a
 * time, and who has denied is not asked again before something changed there. Without this, every change of the
 * ring makes everybody who waits ask everybody else, whose answers change the ring.
 */
export class Asks {
  readonly #asks = new Map<string, Ask>()

  /** Those of the donors that may be asked now; marks the range as asked for if there are any. */
  begin(range: Range, donors: readonly PeerName[], ring: Ring, now: number): readonly PeerName[] {
    const ask = this.#ask(range)
    if (ask.openSince !== undefined && now - ask.openSince < ANSWER_WITHIN) return []
    const left = donors.filter((donor) => {
      const denial = ask.denials.get(donor)
      return denial === undefined || now - denial.at > DENIAL_STANDS || denial.stamp !== stampOf(ring, donor)
    })
    ask.openSince = left.length > 0 ? now : undefined
    return left
  }

  denied(range: Range, by: PeerName, ring: Ring, now: number): void {
    const ask = this.#ask(range)
    ask.denials.set(by, { at: now, stamp: stampOf(ring, by) })
    ask.openSince = undefined
  }

  /** We have got space. */
  clear(): void {
    this.#asks.clear()
  }

  #ask(range: Range): Ask {
    const key = `${range.start}-${range.end}`
    const ask = this.#asks.get(key) ?? { openSince: undefined, denials: new Map<PeerName, Denial>() }
    this.#asks.set(key, ask)
    return ask
  }
}

/** Changes whenever the peer's part of the ring does. */
const stampOf = (ring: Ring, peer: PeerName): number =>
  ring.entries.reduce((sum, entry) => (entry.peer === peer ? sum + entry.version + 1 : sum), 0)
