import { readFileSync } from 'node:fs'
import { messageOf } from '../../lib/errors.ts'
import type { Cidr } from '../../lib/ip4.ts'
import { networkOf } from '../../lib/ip4.ts'
import { netlinkAddon } from '../../native/netlink.ts'
import { runProgram } from '../firewall/program.ts'
import { parseSaved } from '../firewall/saved.ts'
import type { Links } from '../links.ts'
import { NetlinkEvents } from '../netlink/events.ts'
import { NETLINK } from '../netlink/socket.ts'
import { type BridgeNetfilter, findOnlooker } from './onlookers.ts'
import { readLegacy, readNft, type SeenChain } from './ruleset.ts'

const NFNLGRP_NFTABLES = 7
/** Kernel settings and legacy tables tell nobody when they change. */
const POLL_MS = 5000
/** Whoever changes rules changes several. */
const QUIET_MS = 100
/** A look at a large ruleset takes time: no more than this share of it goes into looking. */
const SHARE = 0.05

export interface OnlookerEvents {
  /** Somebody has to see frames on the bridge, or, with undefined, nobody has (any more). */
  onlooker(who: string | undefined): void
  /** The firewall's chains as they are now; undefined: they cannot be seen. */
  chains(chains: readonly SeenChain[] | undefined): void
}

/** Keeps an eye on who has to see frames on the bridge. */
export class OnlookerWatch {
  readonly #links: Links
  readonly #bridge: string
  readonly #told: OnlookerEvents
  #events: NetlinkEvents | undefined
  #poll: NodeJS.Timeout | undefined
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> = Promise.resolve()
  #found: string | undefined | null = null
  #notBefore = 0
  #silent: string
  #closed = false

  constructor(links: Links, bridge: string, told: OnlookerEvents) {
    this.#links = links
    this.#bridge = bridge
    this.#told = told
    this.#silent = silentState(bridge)
  }

  async start(): Promise<void> {
    this.#events = new NetlinkEvents(NETLINK.NETFILTER, [NFNLGRP_NFTABLES], () => this.#schedule())
    this.#poll = setInterval(() => this.#compare(), POLL_MS)
    await this.#lookNow()
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    this.#closed = true
    this.#events?.close()
    this.#events = undefined
    clearInterval(this.#poll)
    clearTimeout(this.#timer)
    await this.#looking
  }

  #compare(): void {
    const silent = silentState(this.#bridge)
    if (silent === this.#silent) return
    this.#silent = silent
    this.#schedule()
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#closed) return
    const delay = Math.max(QUIET_MS, this.#notBefore - performance.now())
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#looking = this.#lookNow()
    }, delay)
  }

  async #lookNow(): Promise<void> {
    const begun = performance.now()
    let found: string | undefined
    let chains: SeenChain[] | undefined
    try {
      chains = await allChains()
      found = look(this.#links, this.#bridge, chains)
    } catch (thrown) {
      // Who cannot be seen may be there.
      found = `cannot tell who looks at the bridge: ${messageOf(thrown)}`
    }
    const ended = performance.now()
    this.#notBefore = ended + (ended - begun) / SHARE
    if (this.#closed) return
    this.#told.chains(chains)
    if (found === this.#found) return
    this.#found = found
    this.#told.onlooker(found)
  }
}

function look(links: Links, bridge: string, chains: readonly SeenChain[]): string | undefined {
  const bridgeIndex = links.byName(bridge)?.index
  const elsewhere: Cidr[] = links
    .addresses()
    .filter(({ ifindex }) => ifindex !== bridgeIndex)
    .map(({ cidr }) => networkOf(cidr))
  return findOnlooker({
    bridge,
    chains,
    bridgeNetfilter: bridgeNetfilter(bridge),
    vlanFiltering: settingIsOn(vlanFiltering(bridge)),
    ebtables: ebtablesModules(),
    elsewhere,
  })
}

async function allChains(): Promise<SeenChain[]> {
  const listed = await runProgram(['nft', '--json', '--stateless', 'list', 'ruleset'])
  if (listed === undefined) throw new Error('the program nft is not installed')
  if (listed.status !== 0) throw new Error(`nft: ${listed.stderr}`)
  const chains = readNft(listed.stdout)
  for (const [family, names, program] of [
    ['ip', '/proc/net/ip_tables_names', 'iptables-legacy-save'],
    ['ip6', '/proc/net/ip6_tables_names', 'ip6tables-legacy-save'],
  ] as const) {
    // Legacy tables come to life when looked at: so look only where they live.
    if ((read(names) ?? '').trim() === '') continue
    const saved = await runProgram([program])
    if (saved?.status !== 0) throw new Error(`there are legacy tables, and ${program} cannot list them`)
    chains.push(...readLegacy(family, parseSaved(saved.stdout)))
  }
  return chains
}

function bridgeNetfilter(bridge: string): BridgeNetfilter {
  const isOn = (protocol: string): boolean =>
    settingIsOn(`/proc/sys/net/bridge/bridge-nf-call-${protocol}`) ||
    settingIsOn(`/sys/class/net/${bridge}/bridge/nf_call_${protocol}`)
  return { ip: isOn('iptables'), ip6: isOn('ip6tables'), arp: isOn('arptables') }
}

/** What may change without an event, for comparing: it costs a few reads and no process. */
const silentState = (bridge: string): string =>
  JSON.stringify([
    bridgeNetfilter(bridge),
    settingIsOn(vlanFiltering(bridge)),
    ebtablesModules(),
    legacyTables().map((table) => [table, netlinkAddon().legacyTableSize(table)]),
  ])

/** The legacy tables that live: asking for the size of another would bring it to life. */
const legacyTables = (): readonly string[] => (read('/proc/net/ip_tables_names') ?? '').match(/\w+/g) ?? []
const vlanFiltering = (bridge: string): string => `/sys/class/net/${bridge}/bridge/vlan_filtering`
const ebtablesModules = (): readonly string[] => (read('/proc/modules') ?? '').match(/^ebtable_\w+/gm) ?? []

const settingIsOn = (path: string): boolean => (read(path) ?? '0').trim() !== '0'

/** Undefined where there is no such file: the kernel lacks the feature or its module. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
