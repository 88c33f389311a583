import type { Range } from '../lib/ip4.ts'
import type { PeerName } from '../lib/peer-name.ts'
import type { Introductions } from './introductions.ts'
import type { Leases } from './lease/leases.ts'
import type { Replica } from './replica.ts'
import type { AllocatorState } from './state.ts'

/** Space of ours that goes to peers that ask for it (ipam §9). */
export class Donations {
  readonly #state: AllocatorState
  readonly #replica: Replica
  readonly #introductions: Introductions
  readonly #leases: () => Leases | undefined

  /** `leases`: those of the ring that is ours at the time; undefined without any. */
  constructor(
    state: AllocatorState,
    replica: Replica,
    introductions: Introductions,
    leases: () => Leases | undefined,
  ) {
    this.#state = state
    this.#replica = replica
    this.#introductions = introductions
    this.#leases = leases
  }

  /** A peer asks for space within the range. A newcomer gets it when another owner knows of him. */
  requested(sender: PeerName, range: Range, now: number): void {
    if (!this.#state.hasRing) return
    const isFree = this.#leases()?.isRestricted === true || !this.#replica.canDonate(range)
    if (isFree || this.#introductions.begin(sender, range, now)) this.#give(sender, range, now)
  }

  /** Newcomers that another owner knows of by now get what they have asked for. */
  advance(now: number): void {
    for (const { peer, range } of this.#introductions.advance(now)) this.#give(peer, range, now)
  }

  #give(to: PeerName, range: Range, now: number): void {
    const leases = this.#leases()
    if (leases?.isRestricted === true) {
      if (leases.donate(range, to, now)) return
      this.#state.emit({ kind: 'space-denied', to, range })
    } else if (this.#replica.donate(range, to)) this.#state.emit({ kind: 'broadcast' })
    else this.#state.emit({ kind: 'space-denied', to, range })
    this.#state.emit({ kind: 'ring-update', to })
  }
}
