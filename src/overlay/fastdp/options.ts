import type { Clock } from '../../lib/clock.ts'
import type { Log } from '../../lib/log.ts'
import type { PeerName } from '../../lib/peer-name.ts'
import type { Rng } from '../../lib/rng.ts'
import type { KernelSwitch, SwitchProgram } from '../../native/bpf/switch.ts'
import type { RekeyLimits } from '../rekey.ts'
import type { Device } from './device.ts'
import type { EspKernel } from './esp/kernel.ts'
import type { TunnelWay } from './tables.ts'
import type { UnderlayPorts } from './tunnel-ways.ts'

export interface FastdpParts {
  readonly clock: Clock
  readonly log: Log
  readonly kernel: KernelSwitch
  readonly ports: SwitchPorts
  readonly rng: Rng
  /** Undefined: why the kernel cannot seal. */
  readonly esp: EspKernel | string
}

/** Where programs hang. */
export interface SwitchPorts extends UnderlayPorts {
  /** Hangs a program on a device (and pins it where it can outlive us). */
  attach(device: Device, program: SwitchProgram): void
  detach(device: Device): void
  /** Takes away what an earlier daemon hung on devices that are not among these. */
  retain(devices: readonly Device[]): void
}

export interface FastdpOptions {
  readonly self: PeerName
  /** The VXLAN device, and the datapath end of the veth pair whose other end is in the bridge. */
  readonly vxlan: Device
  readonly port: Device
  /** UDP port of VXLAN: the weave port + 1. */
  readonly udpPort: number
  /** The packet of a container that is expected to fit every path, and the largest that is of use where one carries more. */
  readonly mtu: number
  readonly ceiling: number
  /** What the containers of this host take, until `setLocalMtu`. */
  readonly local: number
  /** Drop router advertisements and DHCP servers' answers from containers. */
  readonly guard: boolean
  /** May frames go in clear to this underlay address before its peer has agreed to that? */
  readonly clearAllowed: (address: string) => boolean
  /** Entries that an earlier daemon left live this long (ms) unless its peers come back. */
  readonly holdMs: number
  /** When keys of ESP are replaced; see `REKEY_DEFAULTS`. */
  readonly rekey?: RekeyLimits
}

/** How a neighbour is reached past the VXLAN device; undefined: not at all. `pathMtu`: of the underlay. */
export type WayFinder = (address: string) => (TunnelWay & { readonly pathMtu: number }) | undefined
