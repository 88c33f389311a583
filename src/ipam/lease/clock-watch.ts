import type { PeerName } from '../../lib/peer-name.ts'
import { DRIFT } from './shared.ts'

/** What a host's two clocks say. */
interface Clocks {
  readonly monotonic: number
  readonly wall: number
}

interface Watched {
  readonly uid: bigint
  readonly theirs: Clocks
  readonly ours: Clocks
}

/** Messages are late by this much at most where the network works. */
const DELAY = 2000
/** After so long the count begins anew: a delay of one message does not blame a clock for ever. */
const BEGIN_ANEW = 3_600_000

/** What has passed by either clock: a suspended host's monotonic clock stands still. Leases lapse by the same. */
const passed = (from: Clocks, to: Clocks): number =>
  Math.max(to.monotonic - from.monotonic, to.wall - from.wall)

/** Compares others' clocks with ours, by what they say at renewals. */
export class ClockWatch {
  readonly #watched = new Map<PeerName, Watched>()
  readonly #drifting = new Map<PeerName, number>()

  /** Peers whose clock is off by more than leases can stand, and by how many percent. */
  get drifting(): ReadonlyMap<PeerName, number> {
    return this.#drifting
  }

  /** The percentage when a clock is first found to be off. */
  look(peer: PeerName, uid: bigint, theirs: Clocks, ours: Clocks): number | undefined {
    const first = this.#watched.get(peer)
    if (first === undefined || first.uid !== uid || passed(first.ours, ours) > BEGIN_ANEW) {
      this.#watched.set(peer, { uid, theirs, ours })
      if (first?.uid !== uid) this.#drifting.delete(peer)
      return undefined
    }
    const here = passed(first.ours, ours)
    const off = passed(first.theirs, theirs) - here
    if (Math.abs(off) <= here * DRIFT + DELAY) {
      this.#drifting.delete(peer)
      return undefined
    }
    const percent = Math.round((100 * off) / here)
    const isNew = !this.#drifting.has(peer)
    this.#drifting.set(peer, percent)
    return isNew ? percent : undefined
  }
}
