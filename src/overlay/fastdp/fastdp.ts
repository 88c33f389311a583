import type { PeerName } from '../../lib/peer-name.ts'
import type { OverlayParams, Routes } from '../../mesh/overlay.ts'
import type { ControlFrame, Counter, MacEntry, PeerTraffic } from '../../native/bpf/layout.ts'
import { REKEY_DEFAULTS } from '../rekey.ts'
import type { SubConnection, SubOverlay, SubOverlayEvents } from '../sub-overlay.ts'
import { addressBytes, addressText, plainAddress } from './address.ts'
import type { Device } from './device.ts'
import { EspExchange } from './esp/exchange.ts'
import { Sealing } from './esp/sealing.ts'
import { closeHops } from './hops.ts'
import { KernelTables } from './kernel-tables.ts'
import { LocalPorts } from './local-ports.ts'
import { staleMacs } from './mac-sweep.ts'
import type { FastdpOptions, FastdpParts, WayFinder } from './options.ts'
import { ProbeSockets } from './probe-sockets.ts'
import { FastdpSlot, type MakeSealing } from './slot.ts'
import { computeTables, type Neighbour, type TunnelWay } from './tables.ts'
import { TunnelWays } from './tunnel-ways.ts'

/** Feature key: this peer tells the size of each heartbeat that arrives, so that the path's MTU can be found. */
const SIZES_FEATURE = 'FastdpSizes'

/** Feature key: this peer changes to a new key of ESP whenever it is told one. */
const REKEYS_FEATURE = 'FastdpRekeys'

const SWEEP_MS = 60_000
const TICK_MS = 1000
const NO_ROUTES: Routes = { unicast: new Map(), broadcast: () => [], sources: [] }
const BY_SLEEVE: Neighbour = { fastdpAddress: undefined, sealed: false, mtu: 0, way: undefined }
/** What VXLAN adds to a packet over IPv4: outer IP, UDP and VXLAN headers, inner Ethernet header; and the longer IP header. */
const VXLAN_OVERHEAD_BYTES = 50
const IPV6_MORE_BYTES = 20

/** The fast datapath of this host: the switch in the kernel, and the connections that use it. */
export class Fastdp implements SubOverlay {
  readonly name = 'fastdp'
  readonly #parts: FastdpParts
  readonly #options: FastdpOptions
  readonly #tables: KernelTables
  readonly #sockets = new ProbeSockets()
  /** The newest connection to a neighbour wins. */
  readonly #slots = new Map<PeerName, FastdpSlot>()
  readonly #inUse = new Set<PeerName>()
  #routes = NO_ROUTES
  #shortIds: ReadonlyMap<number, PeerName> = new Map()
  /** Unknown until the mesh says: until then an earlier daemon's configuration stays in force. */
  #shortId: number | undefined
  #ticker: NodeJS.Timeout | undefined
  #scheduled: NodeJS.Immediate | undefined
  readonly #ports: LocalPorts
  readonly #tunnels: TunnelWays
  #findWay: WayFinder = () => undefined
  #local: number
  #direct = false
  #leaving = false
  #rekeys = 0
  #settled = false
  #started = 0
  #swept = 0

  constructor(parts: FastdpParts, options: FastdpOptions) {
    this.#parts = parts
    this.#options = options
    this.#local = options.local
    this.#tables = new KernelTables(parts.kernel, options.udpPort)
    this.#ports = new LocalPorts(parts, options)
    this.#tunnels = new TunnelWays(parts, options.udpPort)
  }

  features(): ReadonlyMap<string, string> {
    const { esp } = this.#parts
    return new Map([
      [SIZES_FEATURE, '1'],
      ...(typeof esp === 'string' ? [] : [[REKEYS_FEATURE, '1'] as const]),
    ])
  }

  async start(): Promise<void> {
    const { clock, kernel } = this.#parts
    this.#started = clock.now()
    this.#swept = this.#started
    kernel.onEvent((event) => {
      if (event.kind === 'control') this.#received(event.frame)
      else this.#refused(addressText(event.answer.address), event.answer.mtu)
    })
    this.#ports.attach()
    this.#ticker = setInterval(() => this.#tick(), TICK_MS)
  }

  /**
   * From now on the kernel's tables stay as they are: connections and routes that are taken apart while we stop must
   * not cut containers off, who go on talking until the next daemon takes over.
   */
  leave(): void {
    // Nobody will look at routes and firewall for a while: the kernel has to, packet by packet.
    const { kernel } = this.#parts
    kernel.clearWays()
    // Their keys end with their connections: nothing may be left to go there in clear.
    const sealed = new Set(
      [...this.#slots.values()].filter((slot) => slot.sealed).map(({ address }) => address),
    )
    closeHops(kernel, (address) => !sealed.has(address))
    this.#leaving = true
  }

  /** Leaves the switch at work in the kernel: containers go on talking while the daemon is away. */
  async stop(): Promise<void> {
    clearInterval(this.#ticker)
    clearImmediate(this.#scheduled)
    this.#sockets.close()
    const { esp, kernel } = this.#parts
    if (typeof esp !== 'string') {
      esp.flush()
      esp.close()
    }
    kernel.close()
  }

  /** The engine's TAP, where frames for sleeve peers go and theirs come from. */
  setTap(tap: Device): void {
    this.#ports.setTap(tap)
    this.#configure()
  }

  prepare(params: OverlayParams, events: SubOverlayEvents): SubConnection {
    if (params.remoteShortId === undefined) throw new Error('the peer has no short id')
    const sealing = params.sessionKey && this.#makeSealing(params, params.sessionKey)
    const slot = new FastdpSlot(
      {
        clock: this.#parts.clock,
        log: this.#parts.log,
        events,
        send: (address, port, bytes) => this.#sockets.send(address, port, bytes, sealing !== undefined),
        self: () => this.#shortId ?? 0,
        changed: () => this.#slotChanged(params.remote, slot),
      },
      {
        connUid: params.connUid,
        address: plainAddress(params.peer.host),
        // The accepting side cannot know the other's port: both ends use the acceptor's (overlay §5.2).
        udpPort: params.outbound ? params.peer.port + 1 : this.#options.udpPort,
        remoteShortId: params.remoteShortId,
        mtu: this.#options.mtu,
        ceiling: this.#options.ceiling,
        local: this.#local,
        sizesAnswered: params.features.has(SIZES_FEATURE),
        sealing,
      },
    )
    return slot
  }

  routesChanged(routes: Routes): void {
    this.#routes = routes
    this.#changed()
  }

  shortIdsChanged(table: ReadonlyMap<number, PeerName>): void {
    this.#shortIds = table
    const own = [...table].find(([, name]) => name === this.#options.self)?.[0]
    if (own !== undefined && own !== this.#shortId) {
      this.#shortId = own
      this.#configure()
    }
    this.#changed()
  }

  /** Its MACs go at the next sweep of the table: until then its frames have no route, and are counted. */
  peerGone(): void {
    this.#sweep()
  }

  using(neighbour: PeerName, inUse: boolean): void {
    if (inUse) this.#inUse.add(neighbour)
    else this.#inUse.delete(neighbour)
    this.#changed()
  }

  /** A container's port: its MAC cannot be pushed out of the table, and its frames may take the short way. */
  addContainer(device: Device, mac: Uint8Array): void {
    this.#ports.addContainer(device, mac, this.clockSec())
  }

  removeContainer(device: Device, mac: Uint8Array): void {
    this.#ports.removeContainer(device, mac)
  }

  /** Whether frames may pass between the containers' own ports, and the tunnel, without the bridge. */
  setDirect(direct: boolean): void {
    this.#direct = direct
    this.#configure()
  }

  /** From now on ways past the VXLAN device are asked for here. */
  setWayFinder(find: WayFinder): void {
    this.#findWay = find
    this.waysChanged()
  }

  /** What the finder answers may be other ways now. */
  waysChanged(): void {
    if (this.#leaving) return
    this.#keepTunnels()
    this.#changed()
    for (const slot of this.#slots.values()) {
      const way = this.#findWay(slot.address)
      if (way !== undefined) this.#refused(slot.address, way.pathMtu)
    }
  }

  /** From now on the containers of this host take packets of `mtu` bytes: neighbours are told. */
  setLocalMtu(mtu: number): void {
    this.#local = mtu
    for (const slot of this.#slots.values()) slot.setLocal(mtu)
  }

  /** The addresses of the neighbours, confirmed ones only. */
  addresses(): ReadonlyMap<PeerName, string> {
    return new Map([...this.#slots].map(([name, { address }]) => [name, address]))
  }

  get direct(): boolean {
    return this.#direct
  }

  /** Whether what is exchanged with this address is encrypted. */
  isSealed(address: string): boolean {
    return [...this.#slots.values()].some((slot) => slot.sealed && slot.address === address)
  }

  /** Undefined: connections with a password can be sealed here; or why not. */
  get sealingProblem(): string | undefined {
    const { esp } = this.#parts
    return typeof esp === 'string' ? esp : undefined
  }

  /** Times that a key of ESP was replaced, in either direction. */
  get rekeys(): number {
    return this.#rekeys
  }

  macs(): readonly MacEntry[] {
    return this.#parts.kernel.macs()
  }

  /** What was exchanged with each peer that has a short id. */
  traffic(): ReadonlyMap<PeerName, PeerTraffic> {
    const others = [...this.#shortIds].filter(([, name]) => name !== this.#options.self)
    return new Map(others.map(([id, name]) => [name, this.#parts.kernel.traffic(id)]))
  }

  /** Entries of the tables; the MAC tables are counted in the kernel. */
  tableSizes(): Readonly<Record<'remoteMacs' | 'localMacs' | 'containers' | 'neighbours', number>> {
    const macs = this.#parts.kernel.macs()
    const remoteMacs = macs.filter(({ peer }) => peer !== undefined).length
    return {
      remoteMacs,
      localMacs: macs.length - remoteMacs,
      containers: this.#ports.containers,
      neighbours: this.#slots.size,
    }
  }

  counters(): Readonly<Record<Counter, number>> {
    return this.#parts.kernel.counters()
  }

  /** Seconds on the scale of `MacEntry.seen`: the wall clock's, so that entries of an earlier daemon age too. */
  clockSec(): number {
    return Math.floor(this.#parts.clock.wall() / 1000)
  }

  #configure(): void {
    if (this.#shortId === undefined || this.#leaving) return
    this.#ports.configure(this.#shortId, this.#direct, this.clockSec())
  }

  #tick(): void {
    if (this.#leaving) return
    this.#configure()
    const now = this.#parts.clock.now()
    if (now - this.#started >= this.#options.holdMs) this.#settle()
    if (now - this.#swept >= SWEEP_MS) this.#sweep()
  }

  /** From now on nothing of an earlier daemon is in force: its peers and containers are back, or gone. */
  #settle(): void {
    if (this.#settled) return
    this.#settled = true
    this.#tables.settle()
    this.#ports.settle(this.#tunnels.devices)
  }

  #sweep(): void {
    this.#swept = this.#parts.clock.now()
    const { kernel } = this.#parts
    for (const entry of staleMacs(kernel.macs(), this.clockSec(), (id) => this.#shortIds.has(id))) {
      if (entry.peer === undefined) kernel.removeLocal(entry.mac)
      else kernel.forgetRemote(entry.mac)
    }
  }

  #slotChanged(remote: PeerName, slot: FastdpSlot): void {
    if (slot.confirmed) this.#slots.set(remote, slot)
    else if (this.#slots.get(remote) === slot) this.#slots.delete(remote)
    if (this.#leaving) return
    const admitted = [...this.#slots.values()].filter((each) => each.admitted)
    this.#tables.allowSources(admitted.map(({ address }) => address))
    this.#keepTunnels()
    // Where frames must be sealed the kernel has to know before anything else happens.
    if (slot.sealed) this.#write()
    else this.#changed()
  }

  #makeSealing({ remote, local, peer, features }: OverlayParams, sessionKey: Uint8Array): MakeSealing {
    const { esp, rng } = this.#parts
    if (typeof esp === 'string')
      throw new Error(`encryption is required, and this kernel cannot seal VXLAN: ${esp}`)
    const [from, to] = [addressBytes(local.host), addressBytes(peer.host)]
    if (from === undefined || to === undefined)
      throw new Error('the connection has no addresses to seal between')
    const { self, rekey = REKEY_DEFAULTS } = this.#options
    const rekeys = features.has(REKEYS_FEATURE)
    const exchange = new EspExchange({ self, remote, sessionKey, rekeys, limits: rekey }, rng)
    const replaced = (): void => {
      this.#rekeys++
    }
    return (events) =>
      new Sealing({ kernel: esp, exchange, replaced, ...events }, { local: from, remote: to })
  }

  #received(frame: ControlFrame): void {
    const name = frame.destination === this.#shortId ? this.#shortIds.get(frame.source) : undefined
    const slot = name === undefined ? undefined : this.#slots.get(name)
    slot?.received(frame, this.#parts.clock.now())
  }

  /** A router says that VXLAN to an address is too large for it: forged or not, the next heartbeat finds out. */
  #refused(address: string, mtu: number): void {
    const fits = mtu - VXLAN_OVERHEAD_BYTES - (address.includes(':') ? IPV6_MORE_BYTES : 0)
    for (const slot of this.#slots.values()) {
      if (slot.address === address && (slot.pathMtu() ?? slot.mtu) > fits)
        slot.doubt(this.#parts.clock.now(), fits)
    }
  }

  /** Changes of one turn of the event loop make one write. */
  #changed(): void {
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined
      if (!this.#leaving) this.#write()
    })
  }

  #write(): void {
    this.#tables.write(
      computeTables({
        self: this.#options.self,
        routes: this.#routes,
        shortIds: this.#shortIds,
        neighbour: (name) => this.#neighbour(name),
      }),
    )
  }

  #neighbour(name: PeerName): Neighbour {
    const slot = this.#slots.get(name)
    if (slot === undefined || !this.#inUse.has(name) || !slot.open) return BY_SLEEVE
    return { fastdpAddress: slot.address, sealed: slot.sealed, mtu: slot.mtu, way: this.#wayTo(slot) }
  }

  #keepTunnels(): void {
    this.#tunnels.keep([...this.#slots.values()].flatMap((slot) => this.#wayTo(slot) ?? []))
  }

  /** Where the path's size is not measured the kernel has to look at each packet's. */
  #wayTo(slot: FastdpSlot): TunnelWay | undefined {
    // Packets are sealed in the network stack, and taken for sealed there.
    if (this.isSealed(slot.address)) return undefined
    const way = this.#findWay(slot.address)
    if (way === undefined) return undefined
    return slot.sizeMeasured || way.pathMtu >= this.#options.mtu + VXLAN_OVERHEAD_BYTES ? way : undefined
  }
}
