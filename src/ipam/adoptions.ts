import type { PeerName } from '../lib/peer-name.ts'
import type { Allocator } from './allocator.ts'
import { adoptionFault, type Move, movesTo, type Side, sideOf } from './apart.ts'
import { IpamError } from './errors.ts'
import type { AllocatorShell } from './shell.ts'

/** What becomes of an address that is in use here: before an adoption what its owner says, then what came of it. */
export type Outcome = Move['there'] | 'kept' | 'waiting'

/** An adoption, planned or carried out. */
export interface Adoption {
  readonly side: Side
  readonly addresses: readonly (Omit<Move, 'there'> & { readonly outcome: Outcome })[]
  /** Reachable peers that stay with the ring that was ours. */
  readonly behind: readonly PeerName[]
}

interface AdoptionParts {
  readonly allocator: Allocator
  readonly shell: AllocatorShell
  readonly isKnown: (peer: PeerName) => boolean
}

/** Claims are answered after one round trip; owners that are only connecting are asked again every 5 s. */
const CLAIMS_TAKE = 15_000

/** Rings of the mesh that were seeded apart, and giving ours up for one of them. */
export class Adoptions {
  readonly #parts: AdoptionParts

  constructor(parts: AdoptionParts) {
    this.#parts = parts
  }

  /** The rings that peers of the mesh hold, ours first. */
  get sides(): readonly Side[] {
    return this.#parts.allocator.sides
  }

  /** What `adopt` would do; throws as it does. */
  plan(peer: PeerName): Adoption {
    const { allocator, isKnown } = this.#parts
    const { sides } = this
    const side = sideOf(sides, peer)
    const fault = adoptionFault(allocator.ring, side, isKnown)
    if (side === undefined || fault !== undefined)
      throw new IpamError('not-available', `not adopted: ${fault}`)
    const self = allocator.view.options.self
    const moves = movesTo(side.ring, self, allocator.view.holdings.idents)
    const behind = (sides[0]?.peers ?? []).filter(
      (other) => other !== self && !side.peers.includes(other) && isKnown(other),
    )
    return { side, behind, addresses: moves.map(({ there, ...move }) => ({ ...move, outcome: there })) }
  }

  /**
   * Gives our ring up for that of `peer`, and claims in it what is in use here. Resolves when all claims are settled,
   * or after a while: those that still wait go on.
   */
  async adopt(peer: PeerName): Promise<Adoption> {
    const { allocator, shell } = this.#parts
    const plan = this.plan(peer)
    const answer = await shell.request(undefined, (id, now) => allocator.adopt(id, peer, now))
    if (answer.kind === 'failed') throw new IpamError(answer.code, answer.text)

    const outcomes = (): Adoption['addresses'] =>
      plan.addresses.map((address) => ({ ...address, outcome: this.#outcome(address) }))
    await shell.until(() => outcomes().every(({ outcome }) => outcome !== 'waiting'), CLAIMS_TAKE)
    // What was claimed is told when it is on disk.
    await shell.settled()
    return { ...plan, addresses: outcomes() }
  }

  #outcome({ ident, cidr }: Adoption['addresses'][number]): Outcome {
    const { holdings, requests } = this.#parts.allocator.view
    if (holdings.holderOf(cidr.addr) === ident) return 'kept'
    const isPending = requests.claims.some((claim) => claim.ident === ident && claim.cidr.addr === cidr.addr)
    return isPending ? 'waiting' : 'taken'
  }
}
