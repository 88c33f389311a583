import type { ChainRules, IptablesRules, TableName } from './rules.ts'

/** One table as iptables-save prints it. */
export interface SavedTable {
  readonly chains: ReadonlySet<string>
  /** Policy of the built-in chains, e.g. FORWARD → DROP. */
  readonly policies: ReadonlyMap<string, string>
  /** Rules by chain, in order, without `-A CHAIN`. */
  readonly rules: ReadonlyMap<string, readonly string[]>
}

export type Saved = ReadonlyMap<string, SavedTable>

/** Reads the output of iptables-save. */
export function parseSaved(text: string): Saved {
  const tables = new Map<string, SavedTable>()
  let chains = new Set<string>()
  let policies = new Map<string, string>()
  let rules = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const table = /^\*(\S+)$/.exec(line)?.[1]
    const chain = /^:(\S+) (\S+)/.exec(line)
    const rule = /^-A (\S+) ?(.*)$/.exec(line)
    if (table !== undefined) {
      chains = new Set()
      policies = new Map()
      rules = new Map()
      tables.set(table, { chains, policies, rules })
    } else if (chain?.[1] !== undefined) {
      chains.add(chain[1])
      if (chain[2] !== undefined && chain[2] !== '-') policies.set(chain[1], chain[2])
    } else if (rule?.[1] !== undefined) {
      rules.set(rule[1], [...(rules.get(rule[1]) ?? []), rule[2] ?? ''])
    }
  }
  return tables
}

/** Equal for rules that say the same: some versions print matches in another order. */
export function ruleKey(rule: string): string {
  const words = rule.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? []
  const options: string[] = []
  let negated = ''
  for (const word of words) {
    if (word === '!') negated = '! '
    else if (word.startsWith('-')) {
      options.push(negated + word)
      negated = ''
    } else options.push(`${options.pop() ?? ''} ${word}`)
  }
  return options.sort().join(' ')
}

/** What to tell iptables-restore, and which rules it lacked. */
export interface Repair {
  readonly script: string
  readonly missing: readonly string[]
}

/** Brings `saved` to what is wanted; undefined when nothing is to be done. Other rules keep their places. */
export function repair(saved: Saved, wanted: IptablesRules): Repair | undefined {
  const missing: string[] = []
  const script: string[] = []
  for (const table of ['mangle', 'nat', 'filter'] as const) {
    const lines = repairTable(table, saved.get(table), wanted, missing)
    if (lines.length > 0) script.push(`*${table}`, ...lines, 'COMMIT')
  }
  return script.length === 0 ? undefined : { script: `${script.join('\n')}\n`, missing }
}

function repairTable(
  table: TableName,
  saved: SavedTable | undefined,
  wanted: IptablesRules,
  missing: string[],
): string[] {
  const lines: string[] = []
  for (const [of, chain] of wanted.chains) {
    if (of !== table || saved?.chains.has(chain)) continue
    lines.push(`:${chain} - [0:0]`)
    missing.push(`${table} ${chain}`)
  }
  for (const part of wanted.rules) {
    if (part.table === table) lines.push(...repairChain(part, saved?.rules.get(part.chain) ?? [], missing))
  }
  return lines
}

function repairChain(
  { table, chain, place, rules }: ChainRules,
  present: readonly string[],
  missing: string[],
): string[] {
  const has = new Set(present.map(ruleKey))
  const lacking = rules.filter((rule) => !has.has(ruleKey(rule)))
  missing.push(...lacking.map((rule) => `${table} ${chain} ${rule}`))

  if (place === 'end') return lacking.map((rule) => `-A ${chain} ${rule}`)
  if (place === 'top') {
    if (lacking.length === 0) return []
    const wanted = new Set(rules.map(ruleKey))
    return [
      ...present.filter((rule) => wanted.has(ruleKey(rule))).map((rule) => `-D ${chain} ${rule}`),
      ...rules.map((rule, i) => `-I ${chain} ${i + 1} ${rule}`),
    ]
  }
  const wanted = new Set(rules.map(ruleKey))
  const stale = present.filter((rule) => !wanted.has(ruleKey(rule)) && isOfOurShape(rule))
  return [...stale.map((rule) => `-D ${chain} ${rule}`), ...lacking.map((rule) => `-A ${chain} ${rule}`)]
}

/** In chains of ours, what we or an older weave wrote; a user's own additions stay. */
const isOfOurShape = (rule: string): boolean =>
  /^-d \S+ -j ACCEPT$/.test(rule) ||
  /-d 224\.0\.0\.0\/4 -j RETURN$/.test(rule) ||
  / -j MASQUERADE\b/.test(rule)

/** What to tell iptables-restore to be rid of us, and the chains of others that then have lost rules. */
export interface Removal {
  readonly script: string
  readonly touched: readonly (readonly [table: string, chain: string])[]
}

/** Takes away all rules and chains of ours, whichever version or mode made them; undefined when there is nothing. */
export function removal(
  saved: Saved,
  wanted: readonly IptablesRules[],
  isOfOldVersion: (rule: string) => boolean,
): Removal | undefined {
  const known = new Set(
    wanted.flatMap(({ rules }) =>
      rules.flatMap(({ table, chain, rules: lines }) =>
        lines.map((rule) => `${table} ${chain} ${ruleKey(rule)}`),
      ),
    ),
  )
  const script: string[] = []
  const touched: [string, string][] = []
  for (const [table, { chains, rules }] of saved) {
    const ours = [...chains].filter((chain) => /^WEAVE(?:-|$)/.test(chain))
    const isOurs = (chain: string, rule: string): boolean =>
      known.has(`${table} ${chain} ${ruleKey(rule)}`) ||
      ours.some((name) => new RegExp(`-[jg] ${name}(?: |$)`).test(rule)) ||
      isOfOldVersion(`${table} ${chain} ${rule}`)
    const lines: string[] = []
    for (const [chain, list] of rules) {
      const mine = ours.includes(chain) ? [] : list.filter((rule) => isOurs(chain, rule))
      if (mine.length > 0) touched.push([table, chain])
      lines.push(...mine.map((rule) => `-D ${chain} ${rule}`))
    }
    const chainLines = [...ours.map((chain) => `-F ${chain}`), ...ours.map((chain) => `-X ${chain}`)]
    if (lines.length + ours.length > 0) script.push(`*${table}`, ...lines, ...chainLines, 'COMMIT')
  }
  return script.length === 0 ? undefined : { script: `${script.join('\n')}\n`, touched }
}
