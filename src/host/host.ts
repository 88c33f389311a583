import { messageOf } from '../lib/errors.ts'
import { type Cidr, formatCidr } from '../lib/ip4.ts'
import type { Log } from '../lib/log.ts'
import type { Mac } from '../lib/mac.ts'
import { attachNamespace, detachNamespace } from './attach.ts'
import { adoptPorts, detectBridgeType, ensureBridge, ensureBridgePort } from './bridge.ts'
import { type BridgeOutput, BridgeState } from './bridge-state.ts'
import { announceInterfaces, containerInterfaces } from './container-interfaces.ts'
import {
  DATAPATH_PORT,
  type DatapathPair,
  ensureDatapathPair,
  ensureVxlan,
  removeDatapath,
} from './datapath.ts'
import { createEndpoint, deleteEndpoint } from './endpoint.ts'
import { openEsp } from './esp.ts'
import { exposeAddress, exposedAddresses, hideAddress } from './expose.ts'
import { Firewall } from './firewall/firewall.ts'
import { watchLinks } from './link-watch.ts'
import { Links } from './links.ts'
import { followMtu, setMtu } from './mtu.ts'
import { BRIDGE } from './names.ts'
import type { NetlinkEvents } from './netlink/events.ts'
import { inNetns, Netns } from './netns.ts'
import { findOverlap } from './overlap.ts'
import { ourLinks, removeLinks } from './reset.ts'
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
  FirewallSpec,
  HostEvent,
  Inventory,
} from './types.ts'
import { requireBridge } from './veth.ts'

export interface HostModules {
  readonly log: Log
}

export interface HostOptions {
  /** Name of the bridge, `weave` by default. */
  readonly bridge?: string
  /** Called from the event loop once `start` was called. */
  readonly onEvent?: (event: HostEvent) => void
}

/** Mesh port of a host that was not told another one. */
const DEFAULT_PORT = 6783

/**
 * The host's share of the network: bridge, veth pairs, addresses, firewall. Every call brings the kernel to what is
 * asked, whatever was there before; what fails throws `KernelError` or `WeaveError` with words for the user.
 */
export class Host {
  readonly #log: Log
  readonly #links: Links
  readonly #bridge: string
  readonly #firewall: Firewall
  readonly #onEvent: (event: HostEvent) => void
  readonly #state: BridgeState
  /** What was asked for, so that it can be made again when somebody removes it. */
  readonly #ports = new Set<string>()
  readonly #exposed = new Map<string, Exposed>()
  #spec: BridgeSpec | undefined
  #watch: NetlinkEvents | undefined

  constructor({ log }: HostModules, options: HostOptions = {}) {
    this.#log = log
    this.#links = new Links(Netns.host)
    this.#bridge = options.bridge ?? BRIDGE
    this.#onEvent = options.onEvent ?? (() => undefined)
    this.#firewall = new Firewall({ log, onEvent: this.#onEvent }, this.#bridge)
    this.#state = new BridgeState(this.#bridge, DATAPATH_PORT)
  }

  /** Watches the bridge and the firewall, and restores what others remove. Idempotent. */
  async start(): Promise<void> {
    this.#watch ??= watchLinks((change) => this.#act(this.#state.handle(change)))
    this.#firewall.start()
    this.#act(this.#state.look(this.#links.all()))
  }

  /** Everything in the kernel stays as it is. Idempotent. */
  async stop(): Promise<void> {
    this.#watch?.close()
    this.#watch = undefined
    await this.#firewall.stop()
    this.#links.close()
  }

  /** Lets the overlay through the host's firewall and keeps out what must not come in; `start` then keeps it so. */
  async ensureFirewall(spec: FirewallSpec): Promise<void> {
    await this.#firewall.ensure(spec, exposedAddresses(this.#links, this.#bridge))
  }

  /** What of ours is on this host. */
  async inventory(port = DEFAULT_PORT): Promise<Inventory> {
    const links = ourLinks(this.#links, this.#bridge, port + 1).map(({ name }) => name)
    return { links, exposed: exposedAddresses(this.#links, this.#bridge) }
  }

  /** Removes everything of ours from the host: rules, devices, addresses, containers' interfaces. */
  async reset(spec: FirewallSpec = { port: DEFAULT_PORT }): Promise<void> {
    this.#watch?.close()
    this.#watch = undefined
    this.#spec = undefined
    await this.#firewall.stop()
    await this.#firewall.remove(spec)
    await removeLinks(this.#links, this.#bridge, spec.port + 1, this.#log)
    const esp = openEsp(this.#log, spec.port + 1)
    esp?.flush()
    esp?.close()
  }

  async bridgeType(): Promise<BridgeType> {
    return detectBridgeType(this.#links, this.#bridge)
  }

  /** Address of the bridge that is there already: it was set from the peer name at an earlier start. */
  async bridgeMac(): Promise<Mac | undefined> {
    return this.#links.byName(this.#bridge)?.mac
  }

  /** MTU of the bridge that is there already. */
  async bridgeMtu(): Promise<number | undefined> {
    return this.#links.byName(this.#bridge)?.mtu
  }

  /** Gives the bridge, the pair of the fast datapath and `others` of ours another MTU. */
  async setMtu(mtu: number, others: readonly string[]): Promise<void> {
    if (this.#spec !== undefined) this.#spec = { ...this.#spec, mtu }
    setMtu(this.#links, requireBridge(this.#links, this.#bridge), others, mtu)
  }

  /** Gives the interfaces of a namespace that have the MTU `from` the MTU `to`; gives their names. */
  followMtu(netnsPath: string, change: { readonly from: number; readonly to: number }): Promise<string[]> {
    return inNetns(netnsPath, (ns) => followMtu(this.#links, this.#bridge, ns, change))
  }

  async ensureBridge(spec: BridgeSpec): Promise<void> {
    const bridge = ensureBridge(this.#links, this.#bridge, spec, this.#log)
    adoptPorts(this.#links, bridge, this.#log)
    for (const one of exposedAddresses(this.#links, this.#bridge))
      this.#exposed.set(formatCidr(one.cidr), one)
    this.#spec = spec
  }

  /** Makes an interface that exists, e.g. the engine's TAP, a port of the bridge. */
  async ensureBridgePort(ifname: string): Promise<void> {
    ensureBridgePort(this.#links, requireBridge(this.#links, this.#bridge), ifname)
    this.#ports.add(ifname)
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
  async createEndpoint(endpointId: string, options: EndpointOptions = {}): Promise<Endpoint> {
    return createEndpoint(this.#modules(), this.#bridge, endpointId, options)
  }

  deleteEndpoint(endpointId: string): Promise<void> {
    return deleteEndpoint(this.#modules(), endpointId)
  }

  /** Gives the host an address on the overlay; idempotent. */
  async expose(cidr: Cidr, options: { readonly masquerade: boolean }): Promise<void> {
    const wanted = { cidr, masquerade: options.masquerade }
    exposeAddress(this.#links, this.#bridge, wanted)
    this.#exposed.set(formatCidr(cidr), wanted)
    await this.#firewall.exposedChanged(exposedAddresses(this.#links, this.#bridge))
  }

  /** False when the host had no such address. */
  async hide(cidr: Cidr): Promise<boolean> {
    this.#exposed.delete(formatCidr(cidr))
    const had = hideAddress(this.#links, this.#bridge, cidr)
    await this.#firewall.exposedChanged(exposedAddresses(this.#links, this.#bridge))
    return had
  }

  async exposed(): Promise<Exposed[]> {
    return exposedAddresses(this.#links, this.#bridge)
  }

  /** The first IPv4 address of an interface of the host, e.g. of Docker's bridge. */
  async interfaceAddress(ifname: string): Promise<Cidr | undefined> {
    const link = this.#links.byName(ifname)
    return link && this.#links.addresses(link.index)[0]?.cidr
  }

  /**
   * A route of the host, the bridge's own included, that collides with a subnet (or an address, when host bits are
   * set), in words for the user. Routes through `ignored` interfaces do not count.
   */
  async overlap(cidr: Cidr, ignored: readonly string[] = []): Promise<string | undefined> {
    const names = new Map(this.#links.all().map(({ index, name }) => [index, name]))
    const routes = this.#links.routes()
    return findOverlap(
      cidr,
      routes.map(({ destination, ifindex }) => ({ destination, device: names.get(ifindex) ?? '' })),
      ignored,
    )
  }

  /** The pair `vethwe-bridge`/`vethwe-datapath` of the fast datapath. */
  async ensureDatapathPair(options: { readonly mtu: number }): Promise<DatapathPair> {
    const pair = ensureDatapathPair(this.#modules(), this.#bridge, options.mtu)
    this.#ports.add(DATAPATH_PORT)
    return pair
  }

  /** The device `vxlan-PORT` with collected metadata; answers its index. */
  async ensureVxlan(options: { readonly port: number; readonly mtu: number }): Promise<number> {
    return ensureVxlan(this.#modules(), options)
  }

  /** Takes pair and VXLAN device of the fast datapath away, where they are. */
  removeDatapath({ port }: { readonly port: number }): Promise<void> {
    this.#ports.delete(DATAPATH_PORT)
    return removeDatapath(this.#links, port)
  }

  #modules() {
    return { links: this.#links, log: this.#log }
  }

  #act(outputs: readonly BridgeOutput[]): void {
    for (const output of outputs) {
      if (output.kind === 'restore-bridge') void this.#restoreBridge()
      else if (output.kind === 'look-again') void this.#lookAgain()
      else this.#tell(output)
    }
  }

  #tell(event: HostEvent): void {
    if (event.kind === 'bridge-down') this.#log.error('the bridge is down', { bridge: this.#bridge })
    if (event.kind === 'hairpin') {
      this.#log.error('hairpin mode is on, frames will loop; turn it off', { port: event.port })
    }
    this.#onEvent(event)
  }

  async #lookAgain(): Promise<void> {
    try {
      this.#act(this.#state.look(this.#links.all()))
    } catch (error) {
      this.#log.warn('cannot list the interfaces', { reason: messageOf(error) })
    }
  }

  async #restoreBridge(): Promise<void> {
    const spec = this.#spec
    if (spec === undefined || this.#watch === undefined) return
    this.#log.error('the bridge was removed, making it again', { bridge: this.#bridge })
    try {
      const exposed = [...this.#exposed.values()]
      await this.ensureBridge(spec)
      for (const one of exposed) await this.expose(one.cidr, one)
      for (const port of this.#ports) await this.ensureBridgePort(port)
      this.#onEvent({ kind: 'bridge-restored' })
    } catch (error) {
      this.#log.error('cannot restore the bridge', { reason: messageOf(error) })
    }
  }
}
