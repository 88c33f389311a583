import type { Saved } from '../firewall/saved.ts'

/** A packet on its way through the filter table; an interface that is not known is undefined. */
export interface Packet {
  readonly chain: 'INPUT' | 'FORWARD'
  readonly protocol: 'tcp' | 'udp'
  readonly port: number | undefined
  readonly from: string | undefined
  readonly to: string | undefined
}

/** What becomes of it; `unclear` when a rule decides by something that we do not know. */
export type Fate =
  | { readonly verdict: 'accepted' }
  | { readonly verdict: 'dropped'; readonly by: string }
  | { readonly verdict: 'unclear'; readonly by: string }

type Match = 'yes' | 'no' | 'maybe'

interface Rule {
  readonly text: string
  readonly match: Match
  readonly target: string | undefined
}

const DROPS = new Set(['DROP', 'REJECT'])
const DEPTH = 16

/** Follows the first packet of a connection through the rules that iptables-save shows. */
export function walk(saved: Saved, packet: Packet): Fate {
  const filter = saved.get('filter')
  if (filter === undefined) return { verdict: 'accepted' }
  let doubt: string | undefined

  const decide = (fate: Fate): Fate => (doubt === undefined ? fate : { verdict: 'unclear', by: doubt })

  const follow = (chain: string, depth: number): Fate | undefined => {
    for (const text of filter.rules.get(chain) ?? []) {
      const { match, target } = read(text, packet)
      if (match === 'no' || target === undefined) continue
      const by = `${chain}: ${text}`
      const fate: Fate | undefined =
        target === 'ACCEPT'
          ? { verdict: 'accepted' }
          : DROPS.has(target)
            ? { verdict: 'dropped', by }
            : undefined
      if (fate !== undefined) {
        if (match === 'yes') return decide(fate)
        doubt ??= by
      } else if (match === 'yes' && target === 'RETURN') return undefined
      else if (match === 'maybe' && target === 'RETURN') doubt ??= by
      else if (filter.chains.has(target) && depth < DEPTH) {
        const inner = follow(target, depth + 1)
        if (inner !== undefined && match === 'yes') return inner
        if (inner !== undefined) doubt ??= by
      }
    }
    return undefined
  }

  const policy = filter.policies.get(packet.chain) ?? 'ACCEPT'
  const last: Fate =
    policy === 'ACCEPT'
      ? { verdict: 'accepted' }
      : { verdict: 'dropped', by: `policy of ${packet.chain}: ${policy}` }
  return follow(packet.chain, 0) ?? decide(last)
}

/** Options that do not narrow what a rule matches. */
const NEUTRAL = new Set(['-m', '--comment', '-j', '-g', '--reject-with', '--log-prefix', '--log-level'])

function read(text: string, packet: Packet): Rule {
  const words = text.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? []
  let match: Match = 'yes'
  let target: string | undefined
  for (let i = 0; i < words.length; i++) {
    const negated = words[i] === '!'
    if (negated) i++
    const option = words[i] ?? ''
    if (!option.startsWith('-')) continue
    const value = words[i + 1] ?? ''
    if (option === '-j' || option === '-g') target = value
    if (NEUTRAL.has(option)) continue
    match = weaker(match, invert(matches(option, value, packet), negated))
  }
  return { text, match, target }
}

const weaker = (a: Match, b: Match): Match =>
  a === 'no' || b === 'no' ? 'no' : a === 'maybe' || b === 'maybe' ? 'maybe' : 'yes'

const invert = (match: Match, negated: boolean): Match =>
  !negated || match === 'maybe' ? match : match === 'yes' ? 'no' : 'yes'

const known = (is: boolean): Match => (is ? 'yes' : 'no')

function matches(option: string, value: string, packet: Packet): Match {
  switch (option) {
    case '-p':
      return known(value === packet.protocol)
    case '-i':
      return interfaceMatches(value, packet.from)
    case '-o':
      return interfaceMatches(value, packet.to)
    case '--dport':
    case '--dports':
      return packet.port === undefined ? 'maybe' : known(portMatches(value, packet.port))
    case '--ctstate':
    case '--state':
      return known(value.split(',').includes('NEW'))
    default:
      return 'maybe'
  }
}

/** A trailing `+` stands for any ending. What comes from another host never comes from `lo`. */
function interfaceMatches(pattern: string, name: string | undefined): Match {
  if (name === undefined) return pattern === 'lo' ? 'no' : 'maybe'
  return known(pattern.endsWith('+') ? name.startsWith(pattern.slice(0, -1)) : name === pattern)
}

const portMatches = (value: string, port: number): boolean =>
  value.split(',').some((range) => {
    const [first = '', last = first] = range.split(':')
    return Number(first) <= port && port <= Number(last || 65535)
  })
