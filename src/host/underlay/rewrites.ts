import { cidrRange, type Ip4, rangeContains, tryParseCidr } from '../../lib/ip4.ts'
import type { SeenChain, SeenRule } from '../direct/ruleset.ts'

/** The packets in question: VXLAN of this host to one neighbour. */
export interface TunnelPackets {
  readonly device: string
  readonly local: Ip4
  readonly remote: Ip4
  readonly udpPort: number
}

const HOOKS = new Set(['output', 'postrouting'])

/**
 * Which rule may change VXLAN packets on their way out, in words for the user; undefined: none. Rules that drop do not
 * count: heartbeats, which always pass the firewall, tell of those.
 */
export function findRewrite(chains: readonly SeenChain[], packets: TunnelPackets): string | undefined {
  for (const chain of chains) {
    if (chain.hook === undefined) continue
    const where = `${chain.family} ${chain.table} ${chain.name}`
    if (chain.family === 'netdev') return `nftables chain ${where} looks at frames of a device`
    if (chain.family !== 'ip' && chain.family !== 'inet') continue
    if (!HOOKS.has(chain.hook)) continue
    const what = lookThrough(chain, chains, packets, new Set())
    if (what !== undefined) return `firewall chain ${where}: ${what}`
  }
  return undefined
}

function lookThrough(
  chain: SeenChain,
  chains: readonly SeenChain[],
  packets: TunnelPackets,
  seen: Set<string>,
): string | undefined {
  if (seen.has(chain.name)) return undefined
  seen.add(chain.name)
  for (const rule of chain.rules) {
    if (!mayMatch(rule, packets)) continue
    if (rule.rewrites !== undefined) return `a rule that may change VXLAN: ${rule.rewrites}`
    const { verdict } = rule
    if (verdict.kind !== 'goes-to') continue
    const next = chains.find(
      ({ family, table, name }) => family === chain.family && table === chain.table && name === verdict.chain,
    )
    const what = next && lookThrough(next, chains, packets, seen)
    if (what !== undefined) return what
  }
  return undefined
}

function mayMatch(rule: SeenRule, { device, local, remote, udpPort }: TunnelPackets): boolean {
  // What this host sends has come in nowhere.
  if (rule.from !== undefined) return false
  if (rule.to !== undefined && !matchesName(rule.to, device)) return false
  if (rule.protocol !== undefined && !['udp', '17', 'all'].includes(rule.protocol)) return false
  if (rule.port !== undefined && rule.port !== udpPort) return false
  return rule.addresses.every((text) => {
    const cidr = tryParseCidr(text.includes('/') ? text : `${text}/32`)
    return cidr === undefined || [local, remote].some((address) => rangeContains(cidrRange(cidr), address))
  })
}

/** `eth+` and `eth*` stand for all names that begin so. */
const matchesName = (pattern: string, name: string): boolean =>
  /[+*]$/.test(pattern) ? name.startsWith(pattern.slice(0, -1)) : pattern === name
