import type { PeerName } from '../lib/peer-name.ts'

/** Below this IPv6 is switched off on an interface (RFC 8200): narrower paths get their packets in fragments. */
const LEAST = 1280
/** The largest frames that switches carry (9216 bytes), less what an overlay adds. */
export const LARGEST_MTU = 9166

/** A path that narrows for a moment, while routes change, is not followed. */
const LOWER_AFTER_MS = 5000
/** Containers that could send more for a minute only would have to learn twice. */
const RAISE_AFTER_MS = 60_000

/** Whether this can have been a result. */
export const canFollow = (mtu: number): boolean => mtu >= LEAST && mtu <= LARGEST_MTU

/** What the paths would allow. */
export interface Narrowest {
  readonly peer: PeerName
  readonly mtu: number
}

/**
 * The MTU of a host's containers where the user names none: what the narrowest path to a neighbour carries, once that has
 * been so for a while. It only saves work: what a path does not carry is cut or refused there, whatever containers have.
 */
export class DeviceMtu {
  #mtu: number
  #narrowest: Narrowest | undefined
  #wanted: number
  #since = 0

  constructor(mtu: number) {
    this.#mtu = mtu
    this.#wanted = mtu
  }

  get mtu(): number {
    return this.#mtu
  }

  /** Undefined without neighbours: the MTU then stays as it is. */
  get narrowest(): Narrowest | undefined {
    return this.#narrowest
  }

  /** What it will be, when nothing changes until `at` (ms of the clock); undefined when it is right. */
  get pending(): { readonly mtu: number; readonly at: number } | undefined {
    if (this.#wanted === this.#mtu) return undefined
    return {
      mtu: this.#wanted,
      at: this.#since + (this.#wanted < this.#mtu ? LOWER_AFTER_MS : RAISE_AFTER_MS),
    }
  }

  /** Takes what the paths to the neighbours carry; gives the new MTU when it is time for one. */
  look(paths: ReadonlyMap<PeerName, number>, now: number): number | undefined {
    this.#narrowest = narrowestOf(paths)
    const mtu = this.#narrowest?.mtu ?? this.#mtu
    const wanted = Math.min(Math.max(mtu, LEAST), LARGEST_MTU)
    // A raise that becomes a smaller one goes on waiting, any other change of mind begins anew.
    const smallerRaise = wanted > this.#mtu && wanted < this.#wanted
    if (wanted !== this.#wanted && !smallerRaise) this.#since = now
    this.#wanted = wanted
    const due = this.pending
    if (due === undefined || now < due.at) return undefined
    this.#mtu = due.mtu
    return due.mtu
  }
}

function narrowestOf(paths: ReadonlyMap<PeerName, number>): Narrowest | undefined {
  let narrowest: Narrowest | undefined
  for (const [peer, mtu] of paths) {
    if (narrowest === undefined || mtu < narrowest.mtu) narrowest = { peer, mtu }
  }
  return narrowest
}
