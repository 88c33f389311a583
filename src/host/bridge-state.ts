import type { LinkChangeSeen } from './link-watch.ts'
import type { Link } from './netlink/link.ts'
import type { HostEvent } from './types.ts'

/** What the watcher of the bridge must do. */
export type BridgeOutput = HostEvent | { readonly kind: 'restore-bridge' } | { readonly kind: 'look-again' }

/** Follows the bridge and its ports through link changes, and tells what matters. No IO. */
export class BridgeState {
  readonly #name: string
  readonly #ports = new Map<number, string>()
  readonly #hairpinWarned: string
  #bridge: Link | undefined
  #hairpin = false

  /** `quietPort` is the port towards the datapath: frames that it reflected would loop. */
  constructor(name: string, quietPort: string) {
    this.#name = name
    this.#hairpinWarned = quietPort
  }

  /** Takes the links as they are now; tells what changed since the last look. */
  look(links: readonly Link[]): BridgeOutput[] {
    const outputs = links.flatMap((link) => this.handle({ kind: 'changed', link }))
    const present = new Set(links.map(({ index }) => index))
    for (const [ifindex, port] of [...this.#ports]) {
      if (!present.has(ifindex)) outputs.push(...this.#portGone(ifindex, port))
    }
    if (this.#bridge !== undefined && !present.has(this.#bridge.index)) outputs.push(...this.#bridgeGone())
    return outputs
  }

  handle(change: LinkChangeSeen): BridgeOutput[] {
    if (change.kind === 'lost') return [{ kind: 'look-again' }]
    const { link } = change
    const isBridge = link.name === this.#name
    if (change.kind === 'removed') {
      if (isBridge) return this.#bridge?.index === link.index ? this.#bridgeGone() : []
      const port = this.#ports.get(link.index)
      return port === undefined ? [] : this.#portGone(link.index, port)
    }
    return isBridge ? this.#bridgeChanged(link) : this.#linkChanged(link)
  }

  #bridgeChanged(link: Link): BridgeOutput[] {
    const before = this.#bridge
    this.#bridge = link
    if (before === undefined || before.up === link.up) return []
    return [{ kind: link.up ? 'bridge-up' : 'bridge-down' }]
  }

  #bridgeGone(): BridgeOutput[] {
    this.#bridge = undefined
    return [{ kind: 'restore-bridge' }]
  }

  #linkChanged(link: Link): BridgeOutput[] {
    const outputs: BridgeOutput[] = []
    const isPort = this.#bridge !== undefined && link.master === this.#bridge.index
    const known = this.#ports.get(link.index)
    if (isPort && known === undefined) {
      this.#ports.set(link.index, link.name)
      outputs.push({ kind: 'port-added', port: link.name, ifindex: link.index })
    }
    if (!isPort && known !== undefined) outputs.push(...this.#portGone(link.index, known))

    if (link.name === this.#hairpinWarned && link.hairpin !== this.#hairpin) {
      this.#hairpin = link.hairpin
      if (link.hairpin) outputs.push({ kind: 'hairpin', port: link.name })
    }
    return outputs
  }

  #portGone(ifindex: number, port: string): BridgeOutput[] {
    this.#ports.delete(ifindex)
    return [{ kind: 'port-removed', port, ifindex }]
  }
}
