import type { Saved } from '../firewall/saved.ts'

/** What a rule does with a packet that it matches, as far as others care. */
export type Verdict =
  /** Ends the packet, changes its way, or tells somebody about it. */
  | { readonly kind: 'acts'; readonly what: string }
  | { readonly kind: 'goes-to'; readonly chain: string }
  | { readonly kind: 'accepts' }
  | { readonly kind: 'nothing' }

/** A rule of somebody's firewall. */
export interface SeenRule {
  /** Interfaces that it is confined to; undefined: any. */
  readonly from: string | undefined
  readonly to: string | undefined
  /** Addresses that it is confined to, as text. */
  readonly addresses: readonly string[]
  /** Protocol and destination port that it is confined to. */
  readonly protocol: string | undefined
  readonly port: number | undefined
  /** What it does to the packet's addresses, ports, marks or way; undefined: nothing. */
  readonly rewrites: string | undefined
  /** It looks at ports of bridges. */
  readonly physdev: boolean
  /** It has no conditions but its interfaces. */
  readonly plain: boolean
  readonly verdict: Verdict
}

export interface SeenChain {
  readonly family: string
  readonly table: string
  readonly name: string
  /** Undefined for chains that are only jumped to. */
  readonly hook: string | undefined
  readonly policy: string | undefined
  readonly rules: readonly SeenRule[]
}

type Json = Readonly<Record<string, unknown>>

const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null
const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

/** Reads what `nft --json list ruleset` prints; throws `SyntaxError` for what is no JSON. */
export function readNft(text: string): SeenChain[] {
  const parsed: unknown = JSON.parse(text)
  const listed = isJson(parsed) && Array.isArray(parsed['nftables']) ? parsed['nftables'].filter(isJson) : []
  const rules = new Map<string, SeenRule[]>()
  const key = (family: unknown, table: unknown, chain: unknown): string => `${family} ${table} ${chain}`
  for (const { rule } of listed) {
    if (!isJson(rule)) continue
    const of = key(rule['family'], rule['table'], rule['chain'])
    const expressions = Array.isArray(rule['expr']) ? rule['expr'].filter(isJson) : []
    rules.set(of, [...(rules.get(of) ?? []), nftRule(expressions)])
  }
  return listed.flatMap(({ chain }) => {
    if (!isJson(chain)) return []
    const { family, table, name, hook, policy } = chain
    return [
      {
        family: String(family),
        table: String(table),
        name: String(name),
        hook: textOf(hook),
        policy: textOf(policy),
        rules: rules.get(key(family, table, name)) ?? [],
      },
    ]
  })
}

/** Statements that leave the packet as it is and tell nobody. */
const HARMLESS = new Set([
  'counter',
  'comment',
  'masquerade',
  'snat',
  'dnat',
  'redirect',
  'return',
  'continue',
])

/** Statements that change a packet or its way. */
const REWRITING = new Set([
  'masquerade',
  'snat',
  'dnat',
  'redirect',
  'mangle',
  'queue',
  'dup',
  'fwd',
  'tproxy',
  'synproxy',
])

function nftRule(expressions: readonly Json[]): SeenRule {
  let from: string | undefined
  let to: string | undefined
  let protocol: string | undefined
  let port: number | undefined
  let rewrites: string | undefined
  let physdev = false
  let plain = true
  let verdict: Verdict = { kind: 'nothing' }
  const addresses: string[] = []
  for (const expression of expressions) {
    const [kind = '', body] = Object.entries(expression)[0] ?? []
    if (REWRITING.has(kind)) rewrites = kind
    if (kind === 'match') {
      const match = readMatch(body)
      if (match.key === 'iifname' || match.key === 'iif') from = match.equals ?? from
      else if (match.key === 'oifname' || match.key === 'oif') to = match.equals ?? to
      else plain = false
      if (match.equals === undefined) plain = false
      if (match.key.startsWith('ibr') || match.key.startsWith('obr')) physdev = true
      if (match.address !== undefined) addresses.push(match.address)
      protocol = match.protocol ?? protocol
      port = match.port ?? port
    } else if (kind === 'jump' || kind === 'goto') {
      verdict = { kind: 'goes-to', chain: isJson(body) ? String(body['target']) : '' }
    } else if (kind === 'accept') verdict = { kind: 'accepts' }
    else if (kind === 'xt') {
      const name = isJson(body) ? String(body['name']) : ''
      if (isJson(body) && body['type'] === 'match') {
        plain = false
        physdev ||= name === 'physdev'
      } else {
        verdict = targetVerdict(name)
        rewrites = rewritingTarget(name)
      }
    } else if (!HARMLESS.has(kind)) verdict = { kind: 'acts', what: kind }
  }
  return { from, to, addresses, protocol, port, rewrites, physdev, plain, verdict }
}

interface Match {
  readonly key: string
  /** The one name that it asks for. */
  readonly equals: string | undefined
  readonly address: string | undefined
  readonly protocol: string | undefined
  readonly port: number | undefined
}

function readMatch(body: unknown): Match {
  const nothing = {
    key: '',
    equals: undefined,
    address: undefined,
    protocol: undefined,
    port: undefined,
  }
  if (!isJson(body) || !isJson(body['left'])) return nothing
  const positive = body['op'] === '==' || body['op'] === 'in'
  const { meta, payload } = body['left']
  if (isJson(meta)) {
    const equals = positive ? textOf(body['right']) : undefined
    return {
      ...nothing,
      key: String(meta['key']),
      equals,
      protocol: meta['key'] === 'l4proto' ? equals : undefined,
    }
  }
  if (!isJson(payload) || !positive) return nothing
  const field = String(payload['field'])
  if (field === 'protocol') return { ...nothing, protocol: textOf(body['right']) }
  if (field === 'dport') {
    const port = typeof body['right'] === 'number' ? body['right'] : undefined
    return { ...nothing, protocol: textOf(payload['protocol']), port }
  }
  if (!['saddr', 'daddr'].includes(field)) return nothing
  const right = body['right']
  const prefix = isJson(right) && isJson(right['prefix']) ? right['prefix'] : undefined
  const address = prefix === undefined ? textOf(right) : `${String(prefix['addr'])}/${String(prefix['len'])}`
  return { ...nothing, address }
}

/** Targets of iptables that leave the packet as it is and tell nobody. */
const HARMLESS_TARGETS = new Set(['RETURN', 'MASQUERADE', 'SNAT', 'DNAT', 'REDIRECT', 'CHECKSUM', 'TCPMSS'])

function targetVerdict(target: string): Verdict {
  if (target === 'ACCEPT') return { kind: 'accepts' }
  return HARMLESS_TARGETS.has(target) ? { kind: 'nothing' } : { kind: 'acts', what: target }
}

/** Targets of iptables that leave a packet and its way as they are, whatever becomes of it. */
const KEEPING_TARGETS = new Set([
  ...['ACCEPT', 'DROP', 'REJECT', 'RETURN', 'LOG', 'NFLOG', 'CT', 'CHECKSUM', 'TCPMSS', 'AUDIT'],
])

const rewritingTarget = (target: string): string | undefined =>
  KEEPING_TARGETS.has(target) ? undefined : target

const HOOKS = new Map([
  ['OUTPUT', 'output'],
  ['PREROUTING', 'prerouting'],
  ['FORWARD', 'forward'],
  ['POSTROUTING', 'postrouting'],
])

/** The same of what iptables-save of the legacy kind prints. */
export function readLegacy(family: 'ip' | 'ip6', saved: Saved): SeenChain[] {
  return [...saved].flatMap(([table, { chains, policies, rules }]) =>
    [...chains].map((name) => ({
      family,
      table,
      name,
      hook: HOOKS.get(name),
      policy: policies.get(name)?.toLowerCase(),
      rules: (rules.get(name) ?? []).map((rule) => legacyRule(rule, chains)),
    })),
  )
}

function legacyRule(rule: string, chains: ReadonlySet<string>): SeenRule {
  const words: readonly string[] = rule.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? []
  const option = (name: string): string | undefined => {
    const at = words.indexOf(name)
    return at < 0 || words[at - 1] === '!' ? undefined : words[at + 1]
  }
  const target = option('-j') ?? option('-g')
  const port = option('--dport')
  const known = words.filter((word) => word.startsWith('-') || word === '!')
  return {
    from: option('-i'),
    to: option('-o'),
    addresses: [option('-s'), option('-d')].filter((address) => address !== undefined),
    protocol: option('-p'),
    port: port === undefined || !/^\d+$/.test(port) ? undefined : Number(port),
    rewrites: target === undefined || chains.has(target) ? undefined : rewritingTarget(target),
    physdev: words.includes('physdev'),
    plain: known.every((word) => ['-i', '-o', '-j', '-g'].includes(word)),
    verdict:
      target === undefined
        ? { kind: 'nothing' }
        : chains.has(target)
          ? { kind: 'goes-to', chain: target }
          : targetVerdict(target),
  }
}
