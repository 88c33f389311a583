import type { Cidr } from '../lib/ip4.ts'
import type { Log } from '../lib/log.ts'
import { attachNamespace, detachNamespace } from './attach.ts'
import { detectBridgeType, ensureBridge, ensureBridgePort } from './bridge.ts'
import { announceInterfaces, containerInterfaces } from './container-interfaces.ts'
import { type DatapathPair, ensureDatapathPair, ensureVxlan } from './datapath.ts'
import { createEndpoint, deleteEndpoint } from './endpoint.ts'
import { exposeAddress, exposedAddresses, hideAddress } from './expose.ts'
import { Links } from './links.ts'
import { BRIDGE, endpointNames } from './names.ts'
import { inNetns, Netns } from './netns.ts'
import { findOverlap } from './overlap.ts'
import type {
  Attached,
  AttachRequest,
  BridgeSpec,
  BridgeType,
  ContainerInterface,
  Detached,
  DetachRequest,
  Endpoint,
  EndpointOptions,
  Exposed,
} from './types.ts'
import { requireBridge } from './veth.ts'

export interface HostModules {
  readonly log: Log
}

export interface HostOptions {
  /** Name of the bridge, `weave` by default. */
  readonly bridge?: string
}

/**
 * The host's share of the network: bridge, veth pairs, addresses, firewall. Every call brings the kernel to what is
 * asked, whatever was there before; what fails throws `KernelError` or `WeaveError` with words for the user.
 */
export class Host {
  readonly #log: Log
  readonly #links: Links
  readonly #bridge: string

  constructor({ log }: HostModules, options: HostOptions = {}) {
    this.#log = log
    this.#links = new Links(Netns.host)
    this.#bridge = options.bridge ?? BRIDGE
  }

  bridgeType(): Promise<BridgeType> {
    return detectBridgeType(this.#links, this.#bridge)
  }

  async ensureBridge(spec: BridgeSpec): Promise<void> {
    await ensureBridge(this.#links, this.#bridge, spec, this.#log)
  }

  /** Makes an interface that exists, e.g. the engine's TAP, a port of the bridge. */
  async ensureBridgePort(ifname: string): Promise<void> {
    await ensureBridgePort(this.#links, await requireBridge(this.#links, this.#bridge), ifname)
  }

  /** Joins the namespace at a path, e.g. `/proc/PID/ns/net`, to the overlay; idempotent. */
  attach(netnsPath: string, request: AttachRequest): Promise<Attached> {
    return inNetns(netnsPath, (ns) => attachNamespace(this.#modules(), this.#bridge, ns, request))
  }

  /** Takes addresses from the namespace, and with the last one its interface; idempotent. */
  detach(netnsPath: string, request: DetachRequest): Promise<Detached> {
    return inNetns(netnsPath, (ns) => detachNamespace(this.#modules(), ns, request))
  }

  /** What a namespace has on the bridge: interfaces that were attached as well as those that Docker moved there. */
  addresses(netnsPath: string): Promise<ContainerInterface[]> {
    return inNetns(netnsPath, (ns) => containerInterfaces(this.#links, this.#bridge, ns))
  }

  /** Gratuitous ARP and ARP settings for a namespace whose interfaces Docker moved and configured. */
  announce(netnsPath: string): Promise<void> {
    return inNetns(netnsPath, (ns) => announceInterfaces(this.#links, this.#bridge, ns, this.#log))
  }

  /** Makes the pair of a Docker endpoint, or takes over what is there. */
  createEndpoint(endpointId: string, options: EndpointOptions = {}): Promise<Endpoint> {
    return createEndpoint(this.#modules(), this.#bridge, endpointId, options)
  }

  async deleteEndpoint(endpointId: string): Promise<void> {
    await deleteEndpoint(this.#modules(), endpointId)
  }

  async hasEndpoint(endpointId: string): Promise<boolean> {
    return (await this.#links.byName(endpointNames(endpointId).host)) !== undefined
  }

  /** The ports of all endpoints on this host, e.g. to find those that Docker has forgotten. */
  async endpointNames(): Promise<string[]> {
    return (await this.#links.all()).map(({ name }) => name).filter((name) => name.startsWith('vethwl'))
  }

  /** Gives the host an address on the overlay; idempotent. */
  async expose(cidr: Cidr, options: { readonly masquerade: boolean }): Promise<void> {
    await exposeAddress(this.#links, this.#bridge, { cidr, masquerade: options.masquerade })
  }

  /** False when the host had no such address. */
  hide(cidr: Cidr): Promise<boolean> {
    return hideAddress(this.#links, this.#bridge, cidr)
  }

  exposed(): Promise<Exposed[]> {
    return exposedAddresses(this.#links, this.#bridge)
  }

  /** The first IPv4 address of an interface of the host, e.g. of Docker's bridge. */
  async interfaceAddress(ifname: string): Promise<Cidr | undefined> {
    const link = await this.#links.byName(ifname)
    return link && (await this.#links.addresses(link.index))[0]?.cidr
  }

  /**
   * A route of the host, the bridge's own included, that collides with a subnet (or an address, when host bits are
   * set), in words for the user. Routes through `ignored` interfaces do not count.
   */
  async overlap(cidr: Cidr, ignored: readonly string[] = []): Promise<string | undefined> {
    const names = new Map((await this.#links.all()).map(({ index, name }) => [index, name]))
    const routes = await this.#links.routes()
    return findOverlap(
      cidr,
      routes.map(({ destination, ifindex }) => ({ destination, device: names.get(ifindex) ?? '' })),
      ignored,
    )
  }

  /** The pair `vethwe-bridge`/`vethwe-datapath` of the fast datapath. */
  ensureDatapathPair(options: { readonly mtu: number }): Promise<DatapathPair> {
    return ensureDatapathPair(this.#modules(), this.#bridge, options.mtu)
  }

  /** The device `vxlan-PORT` with collected metadata; answers its index. */
  ensureVxlan(options: { readonly port: number; readonly mtu: number }): Promise<number> {
    return ensureVxlan(this.#modules(), options)
  }

  async close(): Promise<void> {
    await this.#links.close()
  }

  #modules() {
    return { links: this.#links, log: this.#log }
  }
}
