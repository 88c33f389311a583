import { readFileSync, writeFileSync } from 'node:fs'
import { attachIngress } from '../../../src/native/bpf/attach.ts'
import { bpfDoors } from '../../../src/native/bpf/doors.ts'
import type { Counter } from '../../../src/native/bpf/layout.ts'
import { KernelSwitch } from '../../../src/native/bpf/switch.ts'
import { netnsAddon } from '../../../src/native/netns.ts'
import { Container, run } from './namespaces.ts'

export const SELF = 0x101
/** A neighbour by VXLAN at 10.98.0.2, a neighbour by sleeve, and peers behind each of them. */
export const FAST = 0x202
export const SLEEVE = 0x303
export const BEHIND_FAST = 0x404
const REMOTE_ADDRESS = Uint8Array.of(10, 98, 0, 2)

const OWN_HOST = -1

/**
 * The switch between real devices: frames are put in where a bridge, a neighbour or the engine would put them,
 * and what comes out is seen in the counters and at the devices.
 */
export class SwitchBed {
  readonly kernel: KernelSwitch
  readonly remote: Container
  /** Every counter that ever moved. */
  readonly met = new Set<string>()
  #before: Record<string, number> = {}

  private constructor(kernel: KernelSwitch, remote: Container) {
    this.kernel = kernel
    this.remote = remote
  }

  static async up(flags: number): Promise<SwitchBed> {
    // IPv6 would put frames of its own among those that are counted.
    writeFileSync('/proc/sys/net/ipv6/conf/default/disable_ipv6', '1')
    const remote = await Container.start()
    for (const line of [
      `link add u0 type veth peer name u0 netns ${remote.pid}`,
      'addr add 10.98.0.1/24 dev u0',
      'link set u0 up',
      'link add vethwe-bridge type veth peer name vethwe-datapath',
      'link add tap1 type veth peer name tap0',
      `link add port0 type veth peer name inside netns ${remote.pid}`,
      'link add vxlan-6784 type vxlan external dstport 6784 nolearning',
      ...['vethwe-bridge', 'vethwe-datapath', 'tap0', 'tap1', 'port0', 'vxlan-6784'].map(
        (device) => `link set ${device} up`,
      ),
    ]) {
      run('ip', ...line.split(' '))
    }
    remote.run('ip', 'addr', 'add', '10.98.0.2/24', 'dev', 'u0')
    remote.run('ip', 'link', 'set', 'u0', 'up')
    remote.run('ip', 'link', 'set', 'inside', 'up')
    // The neighbour's side is resolved beforehand: the first frame must not wait for ARP.
    remote.run('ping', '-c1', '-W2', '10.98.0.1')

    const kernel = KernelSwitch.load()
    const bed = new SwitchBed(kernel, remote)
    bed.configure(flags, 1000)
    kernel.setHop(FAST, { address: REMOTE_ADDRESS, sleeve: false, mtu: 1376 })
    kernel.setHop(BEHIND_FAST, { address: REMOTE_ADDRESS, sleeve: false, mtu: 1376 })
    kernel.setHop(SLEEVE, { address: new Uint8Array(4), sleeve: true, mtu: 0 })
    kernel.addSource(REMOTE_ADDRESS)
    for (const [device, program] of [
      ['vethwe-datapath', 'from_bridge'],
      ['vxlan-6784', 'from_vxlan'],
      ['tap0', 'from_tap'],
    ] as const) {
      attachIngress(ifindex(device), kernel.program(program), program)
    }
    return bed
  }

  configure(flags: number, clock: number, tap: 'tap0' | 'none' = 'tap0'): void {
    this.kernel.setConfig({
      vxlan: ifindex('vxlan-6784'),
      port: ifindex('vethwe-datapath'),
      punt: tap === 'none' ? 0 : ifindex(tap),
      clock,
      self: SELF,
      flags,
    })
  }

  /** From a container of this host, through the bridge. */
  fromBridge(frame: Uint8Array): void {
    netnsAddon().sendFrame(OWN_HOST, ifindex('vethwe-bridge'), frame)
  }

  /** Runs the program of that port on many frames, without devices. */
  runFromBridge(frames: Iterable<Uint8Array>): void {
    const program = this.kernel.program('from_bridge')
    for (const one of frames) bpfDoors().bpfProgramRun(program, one)
  }

  /** Runs the program of a container's port (the loopback's index stands for it): its verdict. */
  fromContainer(frame: Uint8Array): number {
    return bpfDoors().bpfProgramRun(this.kernel.program('from_container'), frame).verdict
  }

  /** From the engine: with the tags of destination and source. */
  fromEngine(source: number, destination: number, frame: Uint8Array): void {
    const tags = Uint8Array.of(
      0x88,
      0xa8,
      destination >> 8,
      destination & 255,
      0x81,
      0x00,
      source >> 8,
      source & 255,
    )
    this.fromEngineRaw(Uint8Array.from([...frame.subarray(0, 12), ...tags, ...frame.subarray(12)]))
  }

  fromEngineRaw(frame: Uint8Array): void {
    netnsAddon().sendFrame(OWN_HOST, ifindex('tap1'), frame)
  }

  /** From the neighbour's address, by VXLAN. */
  fromVxlan(source: number, destination: number, frame: Uint8Array, times = 1): void {
    const vni = (destination << 12) | source
    const datagram = Uint8Array.from([8, 0, 0, 0, vni >> 16, (vni >> 8) & 255, vni & 255, 0, ...frame])
    const escaped = [...datagram].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')
    this.remote.run(
      'bash',
      '-c',
      `for i in $(seq ${times}); do printf '${escaped}'; done >/dev/udp/10.98.0.1/6784`,
    )
  }

  /** Counters that moved since the last call. Frames are switched before `send` returns: nothing to wait for. */
  moved(): Partial<Record<Counter, number>> {
    const now: Record<string, number> = this.kernel.counters()
    const moved = Object.entries(now)
      .map(([name, value]) => [name, value - (this.#before[name] ?? 0)] as const)
      .filter(([, delta]) => delta !== 0)
    this.#before = now
    for (const [name] of moved) this.met.add(name)
    return Object.fromEntries(moved)
  }

  async down(): Promise<void> {
    this.kernel.close()
    await this.remote.stop()
  }
}

export const ifindex = (device: string): number =>
  Number(readFileSync(`/sys/class/net/${device}/ifindex`, 'utf8'))

/** Packets that a device received. */
export const received = (device: string): number =>
  Number(readFileSync(`/sys/class/net/${device}/statistics/rx_packets`, 'utf8'))

/** An Ethernet frame; addresses and payload as hex. */
export function frame(to: string, from: string, type: number, payload = '00'.repeat(46)): Uint8Array {
  const hex = `${to}${from}${type.toString(16).padStart(4, '0')}${payload}`.replaceAll(':', '')
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}
