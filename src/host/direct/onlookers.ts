import { type Cidr, cidrRange, rangesOverlap, tryParseCidr } from '../../lib/ip4.ts'
import type { SeenChain, SeenRule } from './ruleset.ts'

/** Whether the bridge hands frames to the firewall of IPv4, IPv6 and ARP (br_netfilter). */
export interface BridgeNetfilter {
  readonly ip: boolean
  readonly ip6: boolean
  readonly arp: boolean
}

export interface OnlookerInputs {
  readonly bridge: string
  /** Everybody's chains. */
  readonly chains: readonly SeenChain[]
  readonly bridgeNetfilter: BridgeNetfilter
  /** The bridge sorts frames by VLAN. */
  readonly vlanFiltering: boolean
  /** Modules of the old ebtables that are loaded. */
  readonly ebtables: readonly string[]
  /** Networks of the host's other interfaces: rules for their addresses do not concern the overlay. */
  readonly elsewhere: readonly Cidr[]
}

const HOOKS = new Set(['prerouting', 'forward', 'postrouting'])

/**
 * Who has to see frames on the bridge, in words for the user; undefined when nobody has, so that frames may pass from
 * port to port and to the tunnel without it. In doubt there is somebody.
 */
export function findOnlooker(inputs: OnlookerInputs): string | undefined {
  const { bridge, chains, bridgeNetfilter, vlanFiltering, ebtables } = inputs
  if (vlanFiltering) return `the bridge ${bridge} filters by VLAN`
  if (ebtables.length > 0) return `ebtables is in use (module ${ebtables.join(', ')})`
  for (const chain of chains) {
    if (chain.hook === undefined) continue
    const where = `${chain.family} ${chain.table} ${chain.name}`
    if (chain.family === 'bridge' && (chain.rules.length > 0 || chain.policy === 'drop'))
      return `nftables chain ${where} filters frames of bridges`
    if (chain.family === 'netdev') return `nftables chain ${where} looks at frames of a device`
    if (!HOOKS.has(chain.hook) || !isPassed(chain.family, bridgeNetfilter)) continue
    const what = lookThrough(chain, inputs, new Set())
    if (what === 'accepted') continue
    if (what !== undefined) return `firewall chain ${where}: ${what}`
    if (chain.policy === 'drop') return `firewall chain ${where} drops what no rule accepts`
  }
  return undefined
}

function isPassed(family: string, { ip, ip6, arp }: BridgeNetfilter): boolean {
  if (family === 'inet') return ip || ip6
  return (family === 'ip' && ip) || (family === 'ip6' && ip6) || (family === 'arp' && arp)
}

/** `accepted`: every bridged frame leaves the chain before anybody looks; undefined: they pass to its end. */
function lookThrough(
  chain: SeenChain,
  inputs: OnlookerInputs,
  seen: Set<string>,
): 'accepted' | string | undefined {
  if (seen.has(chain.name)) return undefined
  seen.add(chain.name)
  for (const rule of chain.rules) {
    if (concernsOthers(rule, inputs)) continue
    if (rule.physdev) return 'a rule looks at ports of bridges (physdev)'
    const { verdict } = rule
    if (verdict.kind === 'acts') return `a rule that may match frames of containers: ${verdict.what}`
    if (verdict.kind === 'accepts' && rule.plain) return 'accepted'
    if (verdict.kind !== 'goes-to') continue
    const next = inputs.chains.find(
      ({ family, table, name }) => family === chain.family && table === chain.table && name === verdict.chain,
    )
    const what = next && lookThrough(next, inputs, seen)
    if (what !== undefined && (what !== 'accepted' || rule.plain)) return what
  }
  return undefined
}

function concernsOthers({ from, to, addresses }: SeenRule, { bridge, elsewhere }: OnlookerInputs): boolean {
  if ((from !== undefined && from !== bridge) || (to !== undefined && to !== bridge)) return true
  return addresses.some((text) => {
    const cidr = tryParseCidr(text.includes('/') ? text : `${text}/32`)
    if (cidr === undefined || cidr.prefixLen === 0) return false
    return elsewhere.some((network) => {
      const [inner, outer] = [cidrRange(cidr), cidrRange(network)]
      return rangesOverlap(inner, outer) && cidr.prefixLen >= network.prefixLen
    })
  })
}
