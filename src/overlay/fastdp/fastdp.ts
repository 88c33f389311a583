import type { Clock } from '../../lib/clock.ts'
import { messageOf, WireError } from '../../lib/errors.ts'
import type { Log } from '../../lib/log.ts'
import type { PeerName } from '../../lib/peer-name.ts'
import type { OverlayParams } from '../../mesh/overlay.ts'
import type { BpfDoors } from '../../native/bpf/doors.ts'
import {
  CONFIG_DIRECT,
  CONFIG_GUARD,
  type ControlFrame,
  type Counter,
  type MacEntry,
} from '../../native/bpf/layout.ts'
import type { Pins } from '../../native/bpf/pins.ts'
import type { KernelSwitch } from '../../native/bpf/switch.ts'
import { addressText } from './address.ts'
import { FastdpConnection, type FastdpOutput } from './connection.ts'
import { decodeHeartbeat, encodeHeartbeat } from './heartbeat.ts'
import { KernelTables } from './kernel-tables.ts'
import { staleMacs } from './mac-sweep.ts'
import { computeTables, type TableInputs } from './tables.ts'

/** A device that a program hangs on. */
export interface Device {
  readonly name: string
  readonly ifindex: number
}

export interface FastdpModules {
  readonly kernel: KernelSwitch
  /** Undefined: nothing outlives the daemon (no BPF file system). */
  readonly pins: Pins | undefined
  readonly doors: BpfDoors
  readonly clock: Clock
  readonly log: Log
}

export interface FastdpOptions {
  /** The VXLAN device, the datapath end of the veth pair whose other end is in the bridge, the engine's TAP. */
  readonly vxlan: Device
  readonly port: Device
  readonly tap: Device
  /** UDP port of VXLAN: the weave port + 1. */
  readonly udpPort: number
  /** Largest IP packet of a container. */
  readonly mtu: number
  /** Short paths between the containers' own veths. */
  readonly direct: boolean
  /** Drop router advertisements and DHCP servers' answers from containers. */
  readonly guard: boolean
  /** Kept entries of an earlier daemon live this long (ms) unless its peers come back. */
  readonly holdMs: number
}

/** What a connection tells the overlay switch. */
export interface FastdpEvents {
  control(subtag: number, body: Uint8Array): void
  established(): void
  unhealthy(reason: string): void
  healthy(): void
}

interface Slot {
  readonly core: FastdpConnection
  readonly remoteShortId: number
  readonly udpPort: number
  readonly events: FastdpEvents
  confirmed: boolean
}

const SWEEP_MS = 60_000
const TICK_MS = 1000

/** The fast datapath of this host: the switch in the kernel, and heartbeats of the connections that use it. */
export class Fastdp {
  readonly #modules: FastdpModules
  readonly #options: FastdpOptions
  readonly #tables: KernelTables
  readonly #slots = new Map<PeerName, Slot>()
  readonly #sockets = new Map<4 | 6, number>()
  #shortId = 0
  #knownIds: ReadonlyMap<number, PeerName> = new Map()
  #ticker: NodeJS.Timeout | undefined
  #alarm: NodeJS.Timeout | undefined
  #started = 0
  #lastSweep = 0

  constructor(modules: FastdpModules, options: FastdpOptions) {
    this.#modules = modules
    this.#options = options
    this.#tables = new KernelTables(modules.kernel)
  }

  /** Attaches the programs; from now on frames are switched by what the tables say. */
  start(shortId: number): void {
    const { kernel, clock } = this.#modules
    this.#shortId = shortId
    this.#started = clock.now()
    this.#lastSweep = this.#started
    this.#configure()
    this.#attach(this.#options.vxlan, 'from_vxlan')
    this.#attach(this.#options.tap, 'from_tap')
    this.#attach(this.#options.port, 'from_bridge')
    kernel.onControl((frame) => this.#onControl(frame))
    this.#ticker = setInterval(() => this.#tick(), TICK_MS)
  }

  /** Leaves the switch at work in the kernel: containers go on talking. */
  stop(): void {
    clearInterval(this.#ticker)
    clearTimeout(this.#alarm)
    for (const socket of this.#sockets.values()) this.#modules.doors.bpfClose(socket)
    this.#sockets.clear()
    this.#modules.kernel.close()
  }

  /** Our short id changed (a collision was resolved). */
  setShortId(shortId: number): void {
    this.#shortId = shortId
    this.#configure()
  }

  /** The tables by the mesh's routes and each neighbour's overlay. */
  setTables(inputs: TableInputs): void {
    this.#knownIds = inputs.shortIds
    this.#tables.write(computeTables(inputs))
  }

  /**
   * One connection. Throws `WireError` where this datapath cannot serve it: the peer has no short id, or the
   * data must be encrypted and the kernel cannot do that here.
   */
  prepare(params: OverlayParams, events: FastdpEvents): FastdpSlot {
    if (params.remoteShortId === undefined) throw new WireError('peer has no short id')
    if (params.sessionKey !== undefined)
      throw new WireError('encryption is required and the kernel has no ESP')
    const slot: Slot = {
      core: new FastdpConnection(params.connUid, params.peer.host),
      remoteShortId: params.remoteShortId,
      // The accepting side cannot know the other's port: both ends use the acceptor's (overlay §5.2).
      udpPort: params.outbound ? params.peer.port + 1 : this.#options.udpPort,
      events,
      confirmed: false,
    }
    return {
      confirm: () => {
        this.#slots.set(params.remote, slot)
        slot.confirmed = true
        this.#allowSources()
        this.#act(slot, slot.core.confirm(this.#now()))
      },
      control: (subtag) => this.#act(slot, slot.core.control(subtag, this.#now())),
      stop: () => {
        if (this.#slots.get(params.remote) === slot) this.#slots.delete(params.remote)
        this.#allowSources()
        this.#arm()
      },
      address: () => slot.core.address,
      mtu: () => this.#options.mtu,
    }
  }

  /** A container's port, for the short path and for a table entry that cannot be pushed out. */
  addContainer(device: Device, mac: Uint8Array): void {
    this.#modules.kernel.addLocal(mac, this.#options.direct ? device.ifindex : 0, this.#clockSec())
    if (this.#options.direct) this.#attach(device, 'from_container')
  }

  removeContainer(device: Device, mac: Uint8Array): void {
    this.#modules.kernel.removeLocal(mac)
    this.#modules.pins?.detach(device)
  }

  macs(): readonly MacEntry[] {
    return this.#modules.kernel.macs()
  }

  /** Seconds on the scale of `MacEntry.seen`. */
  clockSec(): number {
    return this.#clockSec()
  }

  counters(): Readonly<Record<Counter, number>> {
    return this.#modules.kernel.counters()
  }

  #now(): number {
    return this.#modules.clock.now()
  }

  /** The wall clock: entries of an earlier daemon must age on the same scale. */
  #clockSec(): number {
    return Math.floor(this.#modules.clock.wall() / 1000)
  }

  #configure(): void {
    const { vxlan, port, tap, direct, guard } = this.#options
    this.#modules.kernel.setConfig({
      vxlan: vxlan.ifindex,
      port: port.ifindex,
      punt: tap.ifindex,
      clock: this.#clockSec(),
      self: this.#shortId,
      flags: (direct ? CONFIG_DIRECT : 0) | (guard ? CONFIG_GUARD : 0),
    })
  }

  #attach(device: Device, name: 'from_bridge' | 'from_vxlan' | 'from_tap' | 'from_container'): void {
    const { kernel, pins, doors } = this.#modules
    const program = kernel.program(name)
    if (pins !== undefined) pins.attach(device, program, name)
    else doors.bpfAttachClsact(device.ifindex, program, name)
  }

  #tick(): void {
    this.#configure()
    const now = this.#now()
    if (now - this.#started >= this.#options.holdMs) this.#tables.settle()
    if (now - this.#lastSweep < SWEEP_MS) return
    this.#lastSweep = now
    const { kernel } = this.#modules
    for (const entry of staleMacs(kernel.macs(), this.#clockSec(), (id) => this.#knownIds.has(id))) {
      if (entry.peer === undefined) kernel.removeLocal(entry.mac)
      else kernel.forgetRemote(entry.mac)
    }
  }

  /** Every confirmed neighbour here is in clear: `prepare` refuses the others. */
  #allowSources(): void {
    this.#tables.allowSources([...this.#slots.values()].map((slot) => slot.core.address))
  }

  #onControl(frame: ControlFrame): void {
    if (frame.destination !== this.#shortId) return
    const name = this.#knownIds.get(frame.source)
    const slot = name === undefined ? undefined : this.#slots.get(name)
    if (slot === undefined) return
    try {
      const connUid = decodeHeartbeat(frame.head, frame.length)
      this.#act(slot, slot.core.heartbeat(connUid, addressText(frame.address), this.#now()))
    } catch (thrown) {
      this.#modules.log.debug('control frame ignored', { from: frame.source, reason: messageOf(thrown) })
    }
  }

  #act(slot: Slot, outputs: readonly FastdpOutput[]): void {
    for (const output of outputs) {
      switch (output.kind) {
        case 'heartbeat':
          this.#beat(slot, output.address)
          break
        case 'control':
          slot.events.control(output.subtag, output.body)
          break
        case 'established':
          slot.events.established()
          break
        case 'unhealthy':
          slot.events.unhealthy(output.reason)
          break
        case 'healthy':
          slot.events.healthy()
          break
        case 'address-changed':
          this.#modules.log.info('Peer IP address changed', { address: output.address })
          this.#allowSources()
          slot.events.healthy()
          break
      }
    }
    this.#arm()
  }

  #beat(slot: Slot, address: string): void {
    const bytes = encodeHeartbeat({
      source: this.#shortId,
      destination: slot.remoteShortId,
      connUid: slot.core.connUid,
      mtu: this.#options.mtu,
    })
    const error = this.#modules.doors.udpProbeSend(this.#socket(address), address, slot.udpPort, bytes)
    // No route at the moment, or a path too narrow: the missing answers decide.
    if (error !== 0) this.#modules.log.debug('heartbeat not sent', { address, errno: error })
  }

  #socket(address: string): number {
    const family = address.includes(':') ? 6 : 4
    const known = this.#sockets.get(family)
    if (known !== undefined) return known
    const socket = this.#modules.doors.udpProbeSocket(family, '')
    this.#sockets.set(family, socket)
    return socket
  }

  #arm(): void {
    clearTimeout(this.#alarm)
    const deadline = Math.min(...[...this.#slots.values()].map((slot) => slot.core.nextDeadline()))
    if (!Number.isFinite(deadline)) return
    this.#alarm = setTimeout(() => this.#ring(), Math.max(deadline - this.#now(), 1))
  }

  #ring(): void {
    const now = this.#now()
    for (const slot of [...this.#slots.values()]) this.#act(slot, slot.core.advance(now))
    this.#arm()
  }
}

/** One connection of the fast datapath as the overlay switch drives it. */
export interface FastdpSlot {
  confirm(): void
  control(subtag: number): void
  stop(): void
  /** Where its VXLAN goes. */
  address(): string
  mtu(): number
}
