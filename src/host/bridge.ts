import { WeaveError } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import type { Links } from './links.ts'
import { isContainerPort } from './names.ts'
import { createLink, type Link } from './netlink/link.ts'
import { Netns } from './netns.ts'
import { tuneInterface } from './sysctls.ts'
import type { BridgeSpec, BridgeType } from './types.ts'

/** The Open vSwitch datapath of the original, when it used one (overlay §7.1). */
const DATAPATH = 'datapath'

/** Which datapath the devices on this host belong to; throws where they fit none. */
export function detectBridgeType(links: Links, bridgeName: string): BridgeType {
  const bridge = links.byName(bridgeName)
  const datapath = links.byName(DATAPATH)
  const odp = datapath?.kind === 'openvswitch'
  if (bridge === undefined && !odp) return 'none'
  if (bridge?.kind === 'bridge') return odp ? 'bridged_fastdp' : 'bridge'
  if (bridge?.kind === 'openvswitch' && !odp) return 'fastdp'
  throw new WeaveError(
    'inconsistent-bridge',
    "Inconsistent bridge state detected. Please do 'weave reset' and try again",
    { meta: { bridge: bridge?.kind, datapath: datapath?.kind } },
  )
}

/** Creates the bridge, or adopts the one that is there; ports and addresses stay untouched. */
export function ensureBridge(links: Links, name: string, spec: BridgeSpec, log: Log): Link {
  const type = detectBridgeType(links, name)
  if (type === 'fastdp' || type === 'bridged_fastdp') {
    throw new WeaveError(
      'wrong-bridge-type',
      `Existing bridge type "${type}" is different than requested "bridge". Please do 'weave reset' and try again`,
    )
  }

  if (type === 'none') {
    const what = `cannot create bridge ${name}`
    // The MTU follows as a change: one that a bridge is born with is unknown to its share of the IP firewall, which would
    // then lose fragments of more than 1500 bytes (bridge-nf-call-iptables).
    links.create(what, createLink('bridge', { ifname: name, address: spec.mac }))
    log.info('bridge created', { bridge: name, mtu: spec.mtu })
  }
  const bridge = links.byName(name)
  if (bridge === undefined) throw new WeaveError('no-bridge', `bridge "${name}" vanished while being set up`)

  // An address that was set, unlike one taken from a port, survives ports coming and going.
  tuneInterface(Netns.host, name, log)
  links.conform(bridge, { address: spec.mac, mtu: spec.mtu, up: true })
  return bridge
}

/** Ports that lost their bridge, because somebody removed it, belong to the new one. */
export function adoptPorts(links: Links, bridge: Link, log: Log): void {
  for (const link of links.all()) {
    if (link.kind !== 'veth' || link.master !== 0 || !isContainerPort(link.name)) continue
    links.conform(link, { master: bridge.index, up: true })
    log.info('port adopted', { bridge: bridge.name, port: link.name })
  }
}

/** Makes an interface that exists a port of the bridge, and brings it up. */
export function ensureBridgePort(links: Links, bridge: Link, ifname: string): void {
  const port = links.byName(ifname)
  if (port === undefined)
    throw new WeaveError('no-interface', `there is no interface ${ifname} to add to ${bridge.name}`)
  links.conform(port, { master: bridge.index, up: true })
}
