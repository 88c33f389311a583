import { readFileSync } from 'node:fs'
import { WeaveError } from '../../lib/errors.ts'
import { addonDirectory } from '../addon.ts'
import { type BpfDoors, bpfDoors } from './doors.ts'
import { type MapDefinition, parseBpfObject, relocate } from './elf.ts'
import {
  COUNTERS,
  type Counter,
  decodeCounter,
  decodeDirectHops,
  decodeEvent,
  decodeLocals,
  decodeRemotes,
  decodeSources,
  decodeTraffic,
  decodeTunnels,
  decodeWays,
  encodeConfig,
  encodeHop,
  encodeLocal,
  encodeMacKey,
  encodeSource,
  encodeTree,
  encodeTunnel,
  encodeWay,
  type Hop,
  key32,
  type MacEntry,
  type PeerTraffic,
  type SwitchConfig,
  type SwitchEvent,
  sourceAddress,
  type Way,
} from './layout.ts'

/** The programs of the fast datapath by the kind of port whose ingress they watch. */
export type SwitchProgram = 'from_bridge' | 'from_vxlan' | 'from_tap' | 'from_container' | 'from_underlay'

const MAC_TABLE_LIMIT = 40_000
const SOURCES_LIMIT = 4096
const HOPS = 4096
const RING_BYTES = 1 << 18

/** The fast datapath's switch, loaded into the kernel: its programs and its tables. */
export class KernelSwitch {
  readonly #doors: BpfDoors
  readonly #maps: ReadonlyMap<string, number>
  readonly #programs: ReadonlyMap<string, number>
  #ring: object | undefined

  private constructor(
    doors: BpfDoors,
    maps: ReadonlyMap<string, number>,
    programs: ReadonlyMap<string, number>,
  ) {
    this.#doors = doors
    this.#maps = maps
    this.#programs = programs
  }

  /**
   * Loads the programs with maps of their own, or, where `adopt` finds a map (by name), with that one, so that
   * a new daemon takes over the tables of the old one. Throws what the kernel says when it refuses one.
   */
  static load(adopt: (map: string) => number | undefined = () => undefined): KernelSwitch {
    const doors = bpfDoors()
    const object = parseBpfObject(readFileSync(`${addonDirectory()}/switch.bpf.o`))
    const maps = new Map<string, number>()
    const programs = new Map<string, number>()
    try {
      for (const map of object.maps) {
        const descriptor =
          adoptable(doors, map, adopt(map.name)) ??
          doors.bpfMapCreate(map.type, map.keySize, map.valueSize, map.maxEntries, map.flags, map.name)
        maps.set(map.name, descriptor)
      }
      for (const program of object.programs) {
        const instructions = relocate(program, (name) => required(maps, name))
        programs.set(
          program.name,
          doors.bpfProgramLoad(instructions, object.license, program.name.slice(0, 15)),
        )
      }
    } catch (thrown) {
      for (const descriptor of [...maps.values(), ...programs.values()]) doors.bpfClose(descriptor)
      throw thrown
    }
    return new KernelSwitch(doors, maps, programs)
  }

  get maps(): ReadonlyMap<string, number> {
    return this.#maps
  }

  program(name: SwitchProgram): number {
    return required(this.#programs, name)
  }

  setConfig(config: SwitchConfig): void {
    this.#update('config', key32(0), encodeConfig(config))
  }

  /** The next hop towards the peer with this short id; undefined: none. */
  setHop(shortId: number, hop: Hop | undefined): void {
    this.#update('hops', key32(shortId), encodeHop(hop))
  }

  /** How the peer with this short id is reached past the VXLAN device; undefined: by that device. */
  setWay(shortId: number, way: Way | undefined): void {
    this.#update('ways', key32(shortId), encodeWay(way))
  }

  /** All frames go by the VXLAN device, and come by it. */
  clearWays(): void {
    for (const id of decodeWays(this.#doors.bpfMapEntries(this.#map('ways'), HOPS)))
      this.setWay(id, undefined)
    for (const key of decodeTunnels(this.#doors.bpfMapEntries(this.#map('tunnels'), SOURCES_LIMIT)))
      this.#doors.bpfMapDelete(this.#map('tunnels'), key)
  }

  /** A neighbour's VXLAN may be taken from the underlay's device. */
  addTunnel(way: Way): void {
    this.#update('tunnels', encodeTunnel(way), key32(1))
  }

  removeTunnel(way: Way): void {
    this.#doors.bpfMapDelete(this.#map('tunnels'), encodeTunnel(way))
  }

  /** Peers whose frames leave by VXLAN at the moment: short id → the next hop's address. */
  directHops(): Map<number, Uint8Array> {
    return decodeDirectHops(this.#doors.bpfMapEntries(this.#map('hops'), HOPS))
  }

  /** Short ids of the neighbours that get a copy of what the peer with this short id floods. */
  setTree(shortId: number, to: readonly number[]): void {
    this.#update('trees', key32(shortId), encodeTree(to))
  }

  /** A container of this host: its entry neither ages nor can be pushed out. `mac` has six bytes. */
  addLocal(mac: Uint8Array, ifindex: number, clock: number): void {
    this.#update('locals', encodeMacKey(mac), encodeLocal(ifindex, clock))
    this.#doors.bpfMapDelete(this.#map('remotes'), encodeMacKey(mac))
  }

  removeLocal(mac: Uint8Array): void {
    this.#doors.bpfMapDelete(this.#map('locals'), encodeMacKey(mac))
  }

  forgetRemote(mac: Uint8Array): void {
    this.#doors.bpfMapDelete(this.#map('remotes'), encodeMacKey(mac))
  }

  /** An address (4 or 16 bytes) that may send us VXLAN in clear. */
  addSource(address: Uint8Array): void {
    this.#update('sources', encodeSource(address), key32(1))
  }

  removeSource(address: Uint8Array): void {
    this.#doors.bpfMapDelete(this.#map('sources'), encodeSource(address))
  }

  /** Addresses (4 or 16 bytes) that may send us VXLAN. */
  sources(): Uint8Array[] {
    return decodeSources(this.#doors.bpfMapEntries(this.#map('sources'), SOURCES_LIMIT)).map(sourceAddress)
  }

  /** Removes every allowed source but these: also those that an earlier daemon left. */
  retainSources(addresses: Iterable<Uint8Array>): void {
    const keep = new Set([...addresses].map((address) => Buffer.from(encodeSource(address)).toString('hex')))
    for (const key of decodeSources(this.#doors.bpfMapEntries(this.#map('sources'), SOURCES_LIMIT))) {
      if (!keep.has(Buffer.from(key).toString('hex'))) this.#doors.bpfMapDelete(this.#map('sources'), key)
    }
  }

  /** All MACs known, remote and local. */
  macs(): MacEntry[] {
    return [
      ...decodeRemotes(this.#doors.bpfMapEntries(this.#map('remotes'), MAC_TABLE_LIMIT)),
      ...decodeLocals(this.#doors.bpfMapEntries(this.#map('locals'), MAC_TABLE_LIMIT)),
    ]
  }

  counters(): Record<Counter, number> {
    const counts = COUNTERS.map((name, index) => {
      const value = this.#doors.bpfMapLookup(this.#map('counters'), key32(index))
      return [name, value === undefined ? 0 : decodeCounter(value)] as const
    })
    return Object.fromEntries(counts) as Record<Counter, number>
  }

  /** What was exchanged with the peer with this short id. */
  traffic(shortId: number): PeerTraffic {
    return decodeTraffic(this.#doors.bpfMapLookup(this.#map('traffic'), key32(shortId)) ?? new Uint8Array())
  }

  /** Heartbeats of peers and complaints of routers, from now on. */
  onEvent(listener: (event: SwitchEvent) => void): void {
    this.#ring = this.#doors.bpfRing(this.#map('events'), RING_BYTES, (record) => {
      const event = decodeEvent(record)
      if (event !== undefined) listener(event)
    })
  }

  /** Lets go of everything; what is pinned or attached by name stays in the kernel. */
  close(): void {
    if (this.#ring !== undefined) this.#doors.bpfRingStop(this.#ring)
    this.#ring = undefined
    for (const descriptor of [...this.#maps.values(), ...this.#programs.values()])
      this.#doors.bpfClose(descriptor)
  }

  #map(name: string): number {
    return required(this.#maps, name)
  }

  #update(map: string, key: Uint8Array, value: Uint8Array): void {
    this.#doors.bpfMapUpdate(this.#map(map), key, value)
  }
}

/** A map of another build with other sizes would be read in a wrong way, or the programs refused. */
function adoptable(doors: BpfDoors, map: MapDefinition, found: number | undefined): number | undefined {
  if (found === undefined) return undefined
  const wanted = [map.type, map.keySize, map.valueSize, map.maxEntries]
  if (doors.bpfMapShape(found).every((size, at) => size === wanted[at])) return found
  doors.bpfClose(found)
  return undefined
}

function required(descriptors: ReadonlyMap<string, number>, name: string): number {
  const descriptor = descriptors.get(name)
  if (descriptor === undefined)
    throw new WeaveError('bpf-object', `the BPF object has no ${name}; run \`npm run build\``)
  return descriptor
}
