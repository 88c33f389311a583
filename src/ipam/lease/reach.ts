import type { PeerName } from '../../lib/peer-name.ts'
import { isVoter } from './epoch.ts'
import type { LeaseShared } from './shared.ts'

/** A daemon that is started again is back by then. */
const LONGEST = 30_000

interface Watched {
  /** What it was for so long that it counts. */
  wasKnown: boolean
  /** Since when the mesh says otherwise. */
  otherwise: number | undefined
}

/** Which members can be reached, by what the mesh has said for a while: who votes does not change with every hiccup. */
export class Reach {
  readonly #shared: LeaseShared
  readonly #watched = new Map<PeerName, Watched>()

  constructor(shared: LeaseShared) {
    this.#shared = shared
  }

  /**
   * Voters that have been out of reach for a quarter of the lease time, or for half a minute where that is shorter;
   * and others that are, or were not so long ago. So two that see a member at different times do not vote against
   * each other: who is back keeps its vote, but does not get one at once.
   */
  absent(now: number): PeerName[] {
    const { vote, state } = this.#shared
    if (vote === undefined) return []
    const { epoch } = vote
    for (const peer of this.#watched.keys()) if (!epoch.members.includes(peer)) this.#watched.delete(peer)
    const patience = Math.min(epoch.leaseTime / 4, LONGEST)
    return epoch.members.filter((peer) => {
      const isKnown = state.isKnown(peer)
      const wasKnown = this.#settle(peer, isKnown, now, patience)
      return isVoter(epoch, peer) ? !wasKnown && !isKnown : !wasKnown || !isKnown
    })
  }

  #settle(peer: PeerName, isKnown: boolean, now: number, patience: number): boolean {
    const watched = this.#watched.get(peer) ?? { wasKnown: true, otherwise: undefined }
    this.#watched.set(peer, watched)
    if (watched.wasKnown === isKnown) watched.otherwise = undefined
    else {
      watched.otherwise ??= now
      if (now - watched.otherwise >= patience) {
        watched.wasKnown = isKnown
        watched.otherwise = undefined
      }
    }
    return watched.wasKnown
  }
}
