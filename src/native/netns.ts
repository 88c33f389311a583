import { loadAddon } from './addon.ts'

/** What a program left behind; `status` is 128 + the signal when it was killed. */
export interface Finished {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Acts in another network namespace, given by descriptor (-1: the host's), within one call each. */
interface NetnsAddon {
  /** A file below /proc/sys/net as that namespace sees it. */
  netnsRead(ns: number, path: string): string
  /** Pairs of path and value; answers the errno of each pair, 0 where it was written. */
  netnsWrite(ns: number, pairs: readonly string[]): number[]
  /** TX checksum offload by ethtool. */
  setTxChecksum(ns: number, ifname: string, on: boolean): void
  /** One whole Ethernet frame out of an interface. */
  sendFrame(ns: number, ifindex: number, frame: Uint8Array): void
  /** An empty namespace; goes away when the descriptor is closed. */
  netnsNew(): number
  /** The errno of making a TAP with virtio headers and these TUN_F_* offloads in a namespace; 0 when it works. */
  tryTap(ns: number, offloads: number): number
  /** The errno of setting an option on a UDP socket; 0 when it works. */
  tryUdpOption(level: number, option: number, value: number): number
  netnsSpawn(ns: number, argv: readonly string[], input: string, timeoutMs: number): Promise<Finished>
}

export const netnsAddon = (): NetnsAddon => loadAddon<NetnsAddon>()
