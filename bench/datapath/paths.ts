import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CONFIG_DIRECT, CONFIG_GUARD } from '../../src/native/bpf/layout.ts'
import { projectFile } from '../../test/support/project.ts'
import {
  CONTAINER_ADDRESS,
  CONTAINER_MAC,
  HOSTS,
  other,
  type Topology,
  UNDERLAY_ADDRESS,
} from './topology.ts'

/** Joins the two containers of a topology in one way. */
export type Datapath = (topology: Topology) => Promise<void>

/** The upper bound: the containers' veths routed over the underlay, no encapsulation. */
export const raw: Datapath = async (topology) => {
  topology.addContainers({ mtu: topology.options.underlayMtu, addresses: false })
  for (const host of HOSTS) topology.routeContainer(host, `via ${UNDERLAY_ADDRESS[other(host)]}`)
}

/** The kernel's VXLAN device and a Linux bridge with a static table: what flannel and Docker's overlay do. */
export const vxlan: Datapath = async (topology) => {
  topology.addContainers({ addresses: true })
  for (const host of HOSTS) {
    const peer = other(host)
    topology.run(
      host,
      `ip link add weave mtu ${topology.options.mtu} type bridge; ip link set weave up; ip link set vc master weave
       ip link add vx0 mtu ${topology.options.mtu} type vxlan id 42 dstport 8472 local ${UNDERLAY_ADDRESS[host]} nolearning dev u0
       ip link set vx0 master weave up
       bridge fdb append 00:00:00:00:00:00 dev vx0 dst ${UNDERLAY_ADDRESS[peer]}
       bridge fdb append ${CONTAINER_MAC[peer]} dev vx0 dst ${UNDERLAY_ADDRESS[peer]}`,
    )
  }
}

/** nebula of Debian: user space, AES-256-GCM, routed. */
export const nebula: Datapath = async (topology) => {
  topology.addContainers({ addresses: false })
  const inner = { A: '10.97.0.1', B: '10.97.0.2' }
  const { directory } = topology
  topology.run(
    'A',
    `cd ${directory}; nebula-cert ca -name bench
     nebula-cert sign -name A -ip ${inner.A}/24 -subnets ${CONTAINER_ADDRESS.A}/32
     nebula-cert sign -name B -ip ${inner.B}/24 -subnets ${CONTAINER_ADDRESS.B}/32`,
  )
  for (const host of HOSTS) {
    const peer = other(host)
    const config = {
      pki: { ca: `${directory}/ca.crt`, cert: `${directory}/${host}.crt`, key: `${directory}/${host}.key` },
      static_host_map: { [inner[peer]]: [`${UNDERLAY_ADDRESS[peer]}:4242`] },
      lighthouse: { am_lighthouse: false, interval: 60, hosts: [] },
      listen: { host: '0.0.0.0', port: 4242, batch: 64, read_buffer: 10_485_760, write_buffer: 10_485_760 },
      cipher: 'aes',
      tun: {
        dev: 'neb0',
        mtu: topology.options.mtu,
        tx_queue: 5000,
        unsafe_routes: [{ route: `${CONTAINER_ADDRESS[peer]}/32`, via: inner[peer] }],
      },
      logging: { level: 'warning', format: 'text' },
      firewall: {
        conntrack: {
          tcp_timeout: '12m',
          udp_timeout: '3m',
          default_timeout: '10m',
          max_connections: 100_000,
        },
        outbound: [{ port: 'any', proto: 'any', host: 'any' }],
        inbound: [{ port: 'any', proto: 'any', host: 'any' }],
      },
    }
    // JSON is YAML.
    writeFileSync(join(directory, `${host}.yml`), JSON.stringify(config))
    topology.daemon(host, `nebula${host}`, ['nebula', '-config', join(directory, `${host}.yml`)])
    await topology.waitFor(
      'the route of nebula',
      () => topology.run(host, 'ip route show dev neb0').length > 0,
    )
    topology.routeContainer(host, 'dev neb0')
  }
}

/**
 * Our eBPF switch alone, tables filled by hand: what the programs cost without a daemon around them. `direct`: with
 * programs on the containers' own veths; `way`: past the VXLAN device.
 */
export const bareFastdp =
  ({ direct, way }: { readonly direct?: true; readonly way?: true }): Datapath =>
  async (topology) => {
    topology.addContainers({ addresses: true })
    const { mtu } = topology.options
    for (const host of HOSTS) {
      const peer = other(host)
      topology.run(
        host,
        `ip link add weave mtu ${mtu} type bridge; ip link set weave up; ip link set vc master weave
       ip link add vethwe-bridge mtu ${mtu} type veth peer name vethwe-datapath mtu ${mtu}
       ip link set vethwe-bridge master weave up; ip link set vethwe-datapath up
       ip link add vxlan-6784 type vxlan external dstport 6784 nolearning; ip link set vxlan-6784 mtu 65485 up`,
      )
      const id = { A: 1, B: 2 }
      const plan = {
        self: id[host],
        vxlan: 'vxlan-6784',
        port: 'vethwe-datapath',
        hops: { [id[peer]]: UNDERLAY_ADDRESS[peer] },
        trees: { [id[host]]: [id[peer]] },
        sources: [UNDERLAY_ADDRESS[peer]],
        ...(way && {
          underlay: { device: 'u0', address: UNDERLAY_ADDRESS[host], udpPort: 6784 },
        }),
        ...(direct && {
          flags: CONFIG_GUARD | CONFIG_DIRECT,
          containers: [{ device: 'vc', mac: CONTAINER_MAC[host] }],
        }),
      }
      const program = projectFile('build/test/support/bare-switch.js')
      topology.daemon(host, `switch${host}`, [process.execPath, program, JSON.stringify(plan)])
      await topology.waitFor('the switch', () => topology.log(`switch${host}`).includes('ready'))
    }
  }
