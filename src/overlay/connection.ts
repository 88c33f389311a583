import type { Clock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import type { OverlayConnection, OverlayEvents } from '../mesh/overlay.ts'
import { decodeControl, encodeControl } from './control.ts'
import type { Timed } from './deadlines.ts'
import type { Negotiated } from './negotiation.ts'
import { OverlaySwitch, type SwitchOutput } from './overlay-switch.ts'
import type { SubConnection, SubOverlayEvents } from './sub-overlay.ts'

interface ConnectionParts {
  readonly clock: Clock
  readonly log: Log
  readonly negotiated: Negotiated
  /** `NAME(nickname)` of the peer, for messages. */
  readonly label: string
  readonly encrypted: boolean
}

interface Owner {
  rescheduled(): void
  stopped(): void
  using(overlay: string, inUse: boolean): void
}

/** The overlays of one connection and the switch that chooses among them. */
export class Connection implements OverlayConnection, Timed {
  readonly #parts: ConnectionParts
  readonly #events: OverlayEvents
  readonly #owner: Owner
  readonly #slots: { readonly name: string; readonly connection: SubConnection | undefined }[] = []
  readonly #unusable = new Map<number, string>()
  #switch: OverlaySwitch | undefined
  #inUse: string | undefined
  #stopped = false

  constructor(parts: ConnectionParts, events: OverlayEvents, owner: Owner) {
    this.#parts = parts
    this.#events = events
    this.#owner = owner
  }

  /** `prepare` gives the overlay's side of the connection, or why there is none. */
  addSlot(name: string, prepare: (events: SubOverlayEvents) => SubConnection | string): void {
    const index = this.#slots.length
    const prepared = prepare(this.#slotEvents(index))
    if (typeof prepared === 'string') this.#unusable.set(index, prepared)
    this.#slots.push({ name, connection: typeof prepared === 'string' ? undefined : prepared })
  }

  confirm(now: number): void {
    if (this.#stopped) return
    this.#switch = new OverlaySwitch(
      this.#slots.map(({ name }) => name),
      this.#parts.label,
    )
    this.#apply(this.#switch.start())
    for (const [index, reason] of this.#unusable) this.#apply(this.#switch.failed(index, reason))
    for (const { connection } of this.#slots) if (!this.#stopped) connection?.confirm(now)
  }

  control(tag: number, payload: Uint8Array, now: number): void {
    const message = decodeControl(this.#parts.negotiated, { tag, payload })
    const slot = message === undefined ? undefined : this.#slots[message.index]
    if (message === undefined || slot === undefined) {
      this.#parts.log.warn('ignored an overlay control message that is not for us', {
        tag,
        length: payload.length,
      })
      return
    }
    slot.connection?.control(message.subtag, message.body, now)
  }

  nextDeadline(): number | undefined {
    const deadlines = this.#slots.flatMap(({ connection }) => connection?.nextDeadline() ?? [])
    return deadlines.length === 0 ? undefined : Math.min(...deadlines)
  }

  advance(now: number): void {
    for (const { connection } of this.#slots) if (!this.#stopped) connection?.advance(now)
  }

  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#owner.stopped()
    if (this.#inUse !== undefined) this.#owner.using(this.#inUse, false)
    for (const { connection } of this.#slots) connection?.stop()
  }

  /** Of the best overlay that knows: one that is on hold for a moment counts. */
  pathMtu(): number | undefined {
    for (const { connection } of this.#slots) {
      const mtu = connection?.pathMtu?.()
      if (mtu !== undefined) return mtu
    }
    return undefined
  }

  attributes(): Readonly<Record<string, string | number | boolean>> {
    const best = this.#slots[this.#switch?.best ?? 0]?.connection
    if (best === undefined) return { name: 'none' }
    const unused = this.#unused()
    return {
      ...best.attributes(),
      ...(this.#parts.encrypted && { encrypted: true }),
      ...(unused !== '' && { unused }),
    }
  }

  /** The overlays that would be better than the one in use: why each is not used, and when it is tried again. */
  #unused(): string {
    const reasons = this.#switch?.reasons()
    const better = this.#slots.slice(0, this.#switch?.best ?? 0)
    return better
      .map(({ name, connection }) => {
        const reason = reasons?.get(name) ?? 'no answer yet'
        const at = connection?.nextTry?.()
        if (at === undefined) return `${name} (${reason})`
        const seconds = Math.max(0, (at - this.#parts.clock.now()) / 1000)
        return `${name} (${reason}; next try in ${seconds.toFixed(1)} s)`
      })
      .join(', ')
  }

  #slotEvents(index: number): SubOverlayEvents {
    const decide = (change: (overlaySwitch: OverlaySwitch) => SwitchOutput[]): void => {
      if (this.#switch !== undefined && !this.#stopped) this.#apply(change(this.#switch))
    }
    return {
      control: (subtag, body) => {
        if (this.#stopped) return
        const { tag, payload } = encodeControl(this.#parts.negotiated, { index, subtag, body })
        this.#events.send(tag, payload)
      },
      established: () => decide((overlaySwitch) => overlaySwitch.established(index)),
      failed: (reason) => {
        this.#parts.log.warn('overlay failed', { overlay: this.#slots[index]?.name, error: reason })
        if (this.#switch === undefined) this.#unusable.set(index, reason)
        else decide((overlaySwitch) => overlaySwitch.failed(index, reason))
      },
      hold: (reason) => decide((overlaySwitch) => overlaySwitch.hold(index, reason)),
      release: () => decide((overlaySwitch) => overlaySwitch.release(index)),
      rescheduled: () => this.#owner.rescheduled(),
    }
  }

  #apply(outputs: readonly SwitchOutput[]): void {
    for (const output of outputs) {
      switch (output.kind) {
        case 'using':
          this.#use(output.name)
          break
        case 'established':
          this.#events.established()
          break
        case 'failed':
          this.stop()
          this.#events.failed(output.reason)
      }
    }
  }

  #use(name: string): void {
    const notUsed = [...(this.#switch?.reasons() ?? [])].map(([other, reason]) => `${other}: ${reason}`)
    this.#parts.log.info(`overlay_switch ->[${this.#parts.label}] using ${name}`, {
      overlay: name,
      ...(notUsed.length > 0 && { because: notUsed.join('; ') }),
    })
    if (this.#inUse !== undefined) this.#owner.using(this.#inUse, false)
    this.#inUse = name
    this.#owner.using(name, true)
  }
}
