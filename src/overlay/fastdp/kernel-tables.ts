import type { Hop } from '../../native/bpf/layout.ts'
import type { KernelSwitch } from '../../native/bpf/switch.ts'
import { addressBytes } from './address.ts'
import { diffTables, type TableHop, type Tables } from './tables.ts'
import { kernelWay } from './tunnel-ways.ts'

const EMPTY: Tables = { hops: new Map(), trees: new Map() }
const NO_ADDRESS = new Uint8Array(4)
const SHORT_IDS = 4096

/**
 * Keeps the switch's tables equal to what is wanted, writing only what changed. Until `settle`, entries that an
 * earlier daemon left are kept: their peers may not have come back yet, and their traffic goes on meanwhile.
 */
export class KernelTables {
  readonly #kernel: KernelSwitch
  readonly #udpPort: number
  #written: Tables = EMPTY
  #sources = new Map<string, Uint8Array>()
  #settled = false

  constructor(kernel: KernelSwitch, udpPort: number) {
    this.#kernel = kernel
    this.#udpPort = udpPort
  }

  write(wanted: Tables): void {
    const { hops, trees } = diffTables(this.#written, wanted)
    for (const [id, hop] of hops) {
      const way = hop?.way && kernelWay(hop.way, this.#udpPort)
      // A way that ends has ended before frames are for somebody else.
      if (way === undefined) this.#kernel.setWay(id, undefined)
      this.#kernel.setHop(id, hop && kernelHop(hop))
      if (way !== undefined) this.#kernel.setWay(id, way)
    }
    for (const [id, tree] of trees) this.#kernel.setTree(id, tree)
    this.#written = wanted
  }

  /** Exactly these underlay addresses may send us VXLAN, in clear or sealed: what must be sealed the kernel's IPsec knows. */
  allowSources(addresses: Iterable<string>): void {
    const wanted = new Map<string, Uint8Array>()
    for (const text of addresses) {
      const bytes = addressBytes(text)
      if (bytes !== undefined) wanted.set(text, bytes)
    }
    for (const [text, bytes] of wanted) if (!this.#sources.has(text)) this.#kernel.addSource(bytes)
    for (const [text, bytes] of this.#sources) if (!wanted.has(text)) this.#kernel.removeSource(bytes)
    this.#sources = wanted
  }

  /** From now on the kernel has nothing but what was written by us. */
  settle(): void {
    if (this.#settled) return
    this.#settled = true
    for (let id = 0; id < SHORT_IDS; id++) {
      if (!this.#written.hops.has(id)) this.#kernel.setHop(id, undefined)
      if (!this.#written.trees.has(id)) this.#kernel.setTree(id, [])
    }
    this.#kernel.retainSources(this.#sources.values())
  }
}

function kernelHop(hop: TableHop): Hop {
  const address = hop.address === undefined ? undefined : addressBytes(hop.address)
  return { address: address ?? NO_ADDRESS, sleeve: address === undefined, sealed: hop.sealed, mtu: hop.mtu }
}
