import type { Mac } from '../../lib/mac.ts'
import type { LinkChangeSeen } from '../link-watch.ts'
import type { Link } from '../netlink/link.ts'

/** A port of the bridge with a container behind it. */
export interface ContainerPort {
  readonly port: string
  readonly ifindex: number
  /** Of the container's end. */
  readonly mac: Mac
}

export type PortOutput =
  | { readonly kind: 'container-port-added'; readonly port: ContainerPort }
  | { readonly kind: 'container-port-removed'; readonly port: ContainerPort }

/**
 * Knows which ports of the bridge lead straight into a container: veths whose other end is in another namespace.
 * Docker makes both ends here and moves one later, so each change of a port is looked at anew.
 */
export class ContainerPorts {
  readonly #otherEnd: (port: Link) => Link | undefined
  readonly #known = new Map<number, ContainerPort>()

  constructor(otherEnd: (port: Link) => Link | undefined) {
    this.#otherEnd = otherEnd
  }

  /** Takes the links as they are; `bridge` is the bridge's index, undefined when there is none. */
  look(links: readonly Link[], bridge: number | undefined): PortOutput[] {
    const present = new Set(links.map(({ index }) => index))
    return [
      ...[...this.#known.values()].flatMap(({ ifindex }) =>
        present.has(ifindex) ? [] : this.#forget(ifindex),
      ),
      ...links.flatMap((link) => this.#changed(link, bridge)),
    ]
  }

  handle(change: LinkChangeSeen, bridge: number | undefined): PortOutput[] {
    if (change.kind === 'lost') return []
    return change.kind === 'removed' ? this.#forget(change.link.index) : this.#changed(change.link, bridge)
  }

  #changed(link: Link, bridge: number | undefined): PortOutput[] {
    const mac = this.#containerMac(link, bridge)
    const known = this.#known.get(link.index)
    if (known?.mac === mac && known?.port === link.name) return []
    const outputs = this.#forget(link.index)
    if (mac === undefined) return outputs
    const port = { port: link.name, ifindex: link.index, mac }
    this.#known.set(link.index, port)
    return [...outputs, { kind: 'container-port-added', port }]
  }

  #containerMac(link: Link, bridge: number | undefined): Mac | undefined {
    if (bridge === undefined || link.master !== bridge || link.kind !== 'veth') return undefined
    // The other end is in our own namespace: the pair to the datapath, or a container that is not there yet.
    return link.peerNetnsId === undefined ? undefined : this.#otherEnd(link)?.mac
  }

  #forget(ifindex: number): PortOutput[] {
    const port = this.#known.get(ifindex)
    if (port === undefined) return []
    this.#known.delete(ifindex)
    return [{ kind: 'container-port-removed', port }]
  }
}
