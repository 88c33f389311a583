import { readFileSync } from 'node:fs'
import { ip4ToBytes, tryParseIp4 } from '../../src/lib/ip4.ts'
import { attachIngress } from '../../src/native/bpf/attach.ts'
import { CONFIG_GUARD } from '../../src/native/bpf/layout.ts'
import { KernelSwitch, type SwitchProgram } from '../../src/native/bpf/switch.ts'

/**
 * The fast datapath without a daemon, for tests and benches of the programs alone. Run it inside a network
 * namespace with the plan as JSON argument; prints "ready", then the counters when it is told to end.
 */
export interface BareSwitchPlan {
  readonly self: number
  readonly vxlan: string
  readonly port: string
  readonly tap?: string
  /** Ports of containers for the direct path, with the container's MAC. */
  readonly containers?: readonly { readonly device: string; readonly mac: string }[]
  readonly flags?: number
  /** Short id → underlay address, or null for a peer behind the engine. */
  readonly hops: Readonly<Record<string, string | null>>
  readonly trees: Readonly<Record<string, readonly number[]>>
  readonly sources: readonly string[]
  /** Past the VXLAN device, for all hops: the underlay's device and our address on it. */
  readonly underlay?: { readonly device: string; readonly address: string; readonly udpPort: number }
}

const plan = JSON.parse(process.argv[2] ?? '{}') as BareSwitchPlan
const ifindex = (name: string): number => Number(readFileSync(`/sys/class/net/${name}/ifindex`, 'utf8'))
const bytes = (text: string): Uint8Array => {
  const address = tryParseIp4(text)
  if (address === undefined) throw new Error(`not an IPv4 address: ${text}`)
  return ip4ToBytes(address)
}

const kernel = KernelSwitch.load()
const config = {
  vxlan: ifindex(plan.vxlan),
  port: ifindex(plan.port),
  punt: plan.tap === undefined ? 0 : ifindex(plan.tap),
  self: plan.self,
  flags: plan.flags ?? CONFIG_GUARD,
}
let clock = 1
kernel.setConfig({ ...config, clock })
for (const [id, address] of Object.entries(plan.hops)) {
  kernel.setHop(Number(id), {
    address: address === null ? new Uint8Array(4) : bytes(address),
    sleeve: address === null,
    mtu: 0,
  })
}
if (plan.underlay !== undefined) {
  const { device, address, udpPort } = plan.underlay
  for (const [id, to] of Object.entries(plan.hops)) {
    if (to === null) continue
    const remote = bytes(to)
    const way = { ifindex: ifindex(device), local: bytes(address), remote, gateway: remote, udpPort }
    kernel.setWay(Number(id), way)
    kernel.addTunnel(way)
  }
  attachIngress(ifindex(device), kernel.program('from_underlay'), 'from_underlay')
}
for (const [id, to] of Object.entries(plan.trees)) kernel.setTree(Number(id), to)
for (const source of plan.sources) kernel.addSource(bytes(source))

const attach = (device: string, program: SwitchProgram): void => {
  attachIngress(ifindex(device), kernel.program(program), program)
}
attach(plan.port, 'from_bridge')
attach(plan.vxlan, 'from_vxlan')
if (plan.tap !== undefined) attach(plan.tap, 'from_tap')
for (const { device, mac } of plan.containers ?? []) {
  kernel.addLocal(Uint8Array.from(Buffer.from(mac.replaceAll(':', ''), 'hex')), ifindex(device), clock)
  attach(device, 'from_container')
}

const timer = setInterval(() => {
  clock++
  kernel.setConfig({ ...config, clock })
}, 1000)
process.on('SIGTERM', () => {
  clearInterval(timer)
  console.log(JSON.stringify(kernel.counters()))
  kernel.close()
  process.exit()
})
console.log('ready')
