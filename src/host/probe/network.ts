import { formatMac, type Mac } from '../../lib/mac.ts'
import type { Links } from '../links.ts'
import { isContainerPort } from '../names.ts'
import type { Link } from '../netlink/link.ts'
import { Netns } from '../netns.ts'
import type { Finding, Outcome } from './finding.ts'

/** IPv4, UDP, VXLAN and inner Ethernet headers (overlay §5.1). */
const VXLAN_OVERHEAD = 50

/** State of the bridge and its surroundings. */
export function probeNetwork(links: Links, bridgeName: string): Finding[] {
  const all = links.all()
  const bridge = all.find(({ name }) => name === bridgeName)
  if (bridge === undefined) {
    const outcome: Outcome = { state: 'unknown', reason: 'weave is not running on this host' }
    return [finding('bridge-state', `bridge ${bridgeName}`, 'containers have no network', outcome)]
  }
  const exposed = links.addresses(bridge.index).length > 0
  const underlays = new Set(
    links
      .routes()
      .filter(({ gateway }) => gateway !== undefined)
      .map(({ ifindex }) => ifindex),
  )
  return [
    finding('bridge-state', `bridge ${bridgeName}`, 'containers have no network', bridgeState(bridge)),
    finding('hairpin', 'hairpin mode towards the datapath', 'frames loop', hairpin(all)),
    finding(
      'macs',
      'unique MAC addresses',
      'containers lose packets at random',
      uniqueMacs(links, bridge, all),
    ),
    ...mtus(
      bridge,
      all.filter(({ index }) => underlays.has(index)),
    ),
    ...(exposed ? [forwarding()] : []),
  ]
}

const finding = (id: string, title: string, without: string, outcome: Outcome): Finding => ({
  id,
  group: 'network',
  title,
  without,
  outcome,
})

const bridgeState = (bridge: Link): Outcome =>
  bridge.kind === 'openvswitch'
    ? {
        state: 'wrong',
        problem: 'it is an Open vSwitch datapath of an older weave',
        advice: 'weave reset, then launch again',
      }
    : bridge.up
      ? { state: 'works', detail: `MTU ${bridge.mtu}` }
      : { state: 'wrong', problem: 'it is down', advice: `ip link set ${bridge.name} up` }

function hairpin(all: readonly Link[]): Outcome {
  const looping = all.find(({ name, hairpin: on }) => name === 'vethwe-bridge' && on)
  if (looping === undefined) return { state: 'works' }
  const advice = `ip link set ${looping.name} type bridge_slave hairpin off`
  return { state: 'wrong', problem: `${looping.name} sends frames back to where they came from`, advice }
}

/** Two interfaces with one address steal each other's packets. */
function uniqueMacs(links: Links, bridge: Link, all: readonly Link[]): Outcome {
  const owners = new Map<Mac, string[]>()
  const add = (mac: Mac | undefined, name: string): void => {
    if (mac !== undefined) owners.set(mac, [...(owners.get(mac) ?? []), name])
  }
  add(bridge.mac, bridge.name)
  for (const port of all) {
    if (port.master === bridge.index && isContainerPort(port.name)) add(links.otherEnd(port)?.mac, port.name)
  }

  const doubles = [...owners].filter(([, names]) => names.length > 1)
  if (doubles.length === 0) return { state: 'works' }
  const problem = doubles
    .map(([mac, names]) => `${formatMac(mac)} is used behind ${names.join(' and ')}`)
    .join('; ')
  const advice = 'start all but one of these containers again with another --mac-address, or none'
  return { state: 'wrong', problem, advice }
}

/** `underlays`: what other hosts may be reached through. */
function mtus(bridge: Link, underlays: readonly Link[]): Finding[] {
  const carries = ({ mtu }: Link): boolean => bridge.mtu + VXLAN_OVERHEAD <= mtu
  const one = underlays.some(carries)
  return underlays.map((underlay) => {
    const largest = underlay.mtu - VXLAN_OVERHEAD
    const problem = `containers have ${bridge.mtu}, ${underlay.name} carries ${largest} at most`
    const advice = `launch weave without WEAVE_MTU, to follow what the paths carry, or with WEAVE_MTU=${largest}`
    const outcome: Outcome = carries(underlay)
      ? { state: 'works', detail: `${bridge.mtu} of at most ${largest}` }
      : one
        ? { state: 'unknown', reason: `${problem}, which matters if peers are reached through it` }
        : { state: 'wrong', problem, advice }
    return finding(
      `mtu-${underlay.name}`,
      `MTU of containers within ${underlay.name}`,
      'large packets use sleeve or are lost',
      outcome,
    )
  })
}

/** A host with an address on the network routes for its containers, if it may. */
function forwarding(): Finding {
  const on = Netns.host.readSysctl('ipv4/ip_forward')
  const outcome: Outcome =
    on === undefined
      ? { state: 'unknown', reason: 'net.ipv4.ip_forward cannot be read' }
      : on === '1'
        ? { state: 'works' }
        : { state: 'wrong', problem: 'net.ipv4.ip_forward is 0', advice: 'sysctl -w net.ipv4.ip_forward=1' }
  return finding(
    'ip-forward',
    'routing between containers and the outside',
    'exposed networks reach only this host',
    outcome,
  )
}
