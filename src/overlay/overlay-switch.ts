/** What a change of one overlay means for the connection. */
export type SwitchOutput =
  | { readonly kind: 'using'; readonly name: string }
  | { readonly kind: 'established' }
  | { readonly kind: 'failed'; readonly reason: string }

interface Slot {
  readonly name: string
  working: boolean
  established: boolean
  onHold: boolean
  /** Why the slot is dead or on hold, for status. */
  reason: string | undefined
}

/**
 * Chooses among the overlays of one connection, best first (overlay §3.4): an established one before others, none that
 * is dead or on hold. Each end chooses for itself what it sends with.
 */
export class OverlaySwitch {
  readonly #slots: readonly Slot[]
  readonly #peer: string
  #best: number | undefined
  #established = false
  #failed = false

  constructor(names: readonly string[], peer: string) {
    this.#slots = names.map((name) => ({
      name,
      working: true,
      established: false,
      onHold: false,
      reason: undefined,
    }))
    this.#peer = peer
  }

  /** Index of the overlay in use. */
  get best(): number | undefined {
    return this.#best
  }

  /** Overlays that are not used and why, for status. */
  reasons(): ReadonlyMap<string, string> {
    const reasons = new Map<string, string>()
    for (const { name, reason } of this.#slots) if (reason !== undefined) reasons.set(name, reason)
    return reasons
  }

  start(): SwitchOutput[] {
    return this.#choose()
  }

  established(index: number): SwitchOutput[] {
    const slot = this.#slots[index]
    if (slot === undefined || slot.established) return []
    slot.established = true
    const first = !this.#established
    this.#established = true
    return [...(first ? [{ kind: 'established' } as const] : []), ...this.#choose()]
  }

  /** The overlay is of no more use to this connection. */
  failed(index: number, reason: string): SwitchOutput[] {
    const slot = this.#slots[index]
    if (slot === undefined || !slot.working) return []
    slot.working = false
    slot.reason = reason
    return this.#choose()
  }

  /** The overlay's path is down for now. */
  hold(index: number, reason: string): SwitchOutput[] {
    return this.#setHold(index, reason)
  }

  /** The overlay's path is back. */
  release(index: number): SwitchOutput[] {
    return this.#setHold(index, undefined)
  }

  #setHold(index: number, reason: string | undefined): SwitchOutput[] {
    const slot = this.#slots[index]
    if (slot === undefined || !slot.working) return []
    slot.onHold = reason !== undefined
    slot.reason = reason
    return this.#choose()
  }

  #choose(): SwitchOutput[] {
    if (this.#failed) return []
    const usable = this.#slots.filter((slot) => slot.working && !slot.onHold)
    const chosen = usable.find((slot) => slot.established) ?? usable[0]
    if (chosen === undefined) {
      this.#failed = true
      this.#best = undefined
      return [{ kind: 'failed', reason: `no working forwarders to ${this.#peer}` }]
    }
    const index = this.#slots.indexOf(chosen)
    if (index === this.#best) return []
    this.#best = index
    return [{ kind: 'using', name: chosen.name }]
  }
}
