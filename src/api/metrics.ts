import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { ConnectionState, Report } from './report.ts'

/** What metrics show beyond the report; absent parts are undefined. */
export interface MetricSources {
  readonly report: Report
  /** Sockets of the mesh. */
  readonly mesh: {
    readonly accepted: number
    readonly refused: number
    readonly dialled: number
    readonly bytesIn: number
    readonly bytesOut: number
    readonly unsent: number
  }
  readonly gossip: GossipMetrics
  /** Sums of the packet engine by name. */
  readonly engine: ReadonlyMap<string, number>
  /** Overlay traffic by neighbour. */
  readonly links: readonly LinkTraffic[]
  /** The switch of the fast datapath. */
  readonly switch?: SwitchMetrics | undefined
  readonly dns: DnsMetrics | undefined
  readonly pluginCalls: { readonly all: number; readonly failed: number } | undefined
}

export interface GossipMetrics {
  readonly channels: readonly {
    readonly name: string
    /** Only relayed. */
    readonly surrogate: boolean
    readonly messagesIn: number
    readonly messagesOut: number
    readonly bytesIn: number
    readonly bytesOut: number
    readonly queued: number
  }[]
  readonly routeRecalculations: number
}

export interface SwitchMetrics {
  /** Frames by what happened to them; those that were dropped begin with `drop_`. */
  readonly counters: Readonly<Record<string, number>>
  readonly tables: Readonly<Record<string, number>>
  /** Frames take the short way, without the bridge. */
  readonly direct: boolean
  /** Events of sealed VXLAN; undefined where nothing can be sealed. */
  readonly esp: Readonly<Record<string, number>> | undefined
}

export interface DnsMetrics {
  readonly entriesOurs: number
  readonly queries: readonly {
    readonly type: string
    readonly zone: string
    readonly rcode: string
    readonly count: number
  }[]
  /** Upper ends in seconds; `latency` has one more, for what is beyond. Not cumulated. */
  readonly latencyBounds: readonly number[]
  readonly latency: readonly number[]
  readonly latencySumSec: number
  readonly cacheHits: number
  readonly cacheMisses: number
  readonly cacheEntries: number
  readonly upstreamFailures: number
  readonly lost: number
}

export interface LinkTraffic {
  readonly peer: string
  readonly nickname: string
  readonly overlay: string
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly packetsSent: number
  readonly packetsReceived: number
  readonly drops: number
}

const STATES: readonly ConnectionState[] = [
  ...(['established', 'pending', 'waiting', 'retrying', 'failed', 'connecting'] as const),
]
const TYPES = ['sleeve', 'fastdp', 'unknown'] as const

/** The text of `/metrics`: the original's names first, then ours (http §5). A scrape never fails for a part that is off. */
export class Metrics {
  readonly #registry = new Registry()
  readonly #connections = this.#gauge(
    'weave_connections',
    'Number of peer-to-peer connections.',
    ...['encryption', 'state', 'type'],
  )
  readonly #terminations = this.#counter(
    'weave_connection_terminations_total',
    'Number of peer-to-peer connections that ended.',
  )
  readonly #ips = this.#gauge('weave_ips', 'Number of IP addresses in use.', 'state')
  readonly #maxIps = this.#gauge('weave_max_ips', 'Size of the IP address range.')
  readonly #dnsEntries = this.#gauge('weave_dns_entries', 'Number of DNS entries of this peer.')
  readonly #flows = this.#gauge('weave_flows', 'Number of addresses that the fast datapath knows a way to.')
  readonly #unreachable = this.#gauge(
    'weave_ipam_unreachable_count',
    'Number of peers that own addresses and cannot be reached.',
  )
  readonly #unreachablePercentage = this.#gauge(
    'weave_ipam_unreachable_percentage',
    'Share of the address range that peers own which cannot be reached, in percent.',
  )
  readonly #pendingAllocates = this.#gauge(
    'weave_ipam_pending_allocates',
    'Number of requests that wait for an address.',
  )
  readonly #pendingClaims = this.#gauge(
    'weave_ipam_pending_claims',
    'Number of claims of addresses that wait.',
  )
  readonly #peers = this.#gauge('weave_peers', 'Number of peers known, this one included.')
  readonly #ready = this.#gauge('weave_ready', 'Whether all that was asked for at launch is there.')
  readonly #sockets = this.#counter(
    'weave_mesh_sockets_total',
    'Sockets of the mesh by what became of them.',
    'event',
  )
  readonly #meshBytes = this.#counter('weave_mesh_bytes_total', 'Bytes of mesh control traffic.', 'direction')
  readonly #unsent = this.#gauge('weave_mesh_unsent_bytes', 'Control bytes that wait for slow neighbours.')
  readonly #gossipMessages = this.#counter(
    'weave_gossip_messages_total',
    'Gossip messages by channel; channels that are only relayed count as one, "relayed".',
    ...['channel', 'direction'],
  )
  readonly #gossipBytes = this.#counter(
    'weave_gossip_bytes_total',
    'Payload of gossip messages.',
    ...['channel', 'direction'],
  )
  readonly #gossipQueued = this.#gauge(
    'weave_gossip_queued',
    'Items of gossip that wait for slow neighbours.',
    'channel',
  )
  readonly #routes = this.#counter(
    'weave_route_recalculations_total',
    'How often the data plane got new routes.',
  )
  readonly #linkBytes = this.#counter(
    'weave_link_bytes_total',
    'Bytes of overlay traffic with a neighbour, as on the wire.',
    ...['peer', 'nickname', 'overlay', 'direction'],
  )
  readonly #linkPackets = this.#counter(
    'weave_link_packets_total',
    'Datagrams of overlay traffic with a neighbour.',
    ...['peer', 'nickname', 'overlay', 'direction'],
  )
  readonly #linkDrops = this.#counter(
    'weave_link_drops_total',
    'Datagrams from a neighbour that were not accepted, or could not be sent to it.',
    ...['peer', 'nickname', 'overlay'],
  )
  readonly #engine = this.#counter('weave_engine_events_total', 'Events of the packet engine.', 'event')
  readonly #switchFrames = this.#counter(
    'weave_fastdp_frames_total',
    'Frames in the switch of the fast datapath by what happened to them.',
    'event',
  )
  readonly #switchDrops = this.#counter(
    'weave_fastdp_drops_total',
    'Frames that the switch of the fast datapath dropped.',
    'reason',
  )
  readonly #switchTables = this.#gauge(
    'weave_fastdp_table_entries',
    'Entries in the tables of the fast datapath.',
    'table',
  )
  readonly #switchDirect = this.#gauge(
    'weave_fastdp_direct',
    '1 when frames pass between ports and tunnel without the bridge.',
  )
  readonly #esp = this.#counter(
    'weave_fastdp_esp_total',
    'Keys of ESP replaced, and packets of IPsec on this host that were not let through.',
    'event',
  )
  readonly #dnsQueries = this.#counter(
    'weave_dns_queries_total',
    'DNS queries answered.',
    ...['type', 'zone', 'rcode'],
  )
  readonly #dnsCache = this.#counter('weave_dns_cache_total', 'Lookups of forwarded queries.', 'outcome')
  readonly #dnsCacheEntries = this.#gauge(
    'weave_dns_cache_entries',
    'Answers of other servers that are kept.',
  )
  readonly #dnsUpstreamFailures = this.#counter(
    'weave_dns_upstream_failures_total',
    'Forwarded queries that no server answered.',
  )
  readonly #dnsLost = this.#counter('weave_dns_requests_lost_total', 'Queries lost because we were too busy.')
  #dnsLatency: DnsMetrics | undefined
  #dnsZeros = false
  readonly #pluginCalls = this.#counter(
    'weave_plugin_calls_total',
    'Calls of Docker to the plugin.',
    'outcome',
  )

  constructor() {
    collectDefaultMetrics({ register: this.#registry })
  }

  get type(): string {
    return this.#registry.contentType
  }

  async text(sources: MetricSources): Promise<string> {
    this.#setReport(sources.report)
    this.#setTraffic(sources)
    this.#setGossip(sources.gossip)
    this.#setDns(sources.dns)
    const { all, failed } = sources.pluginCalls ?? { all: 0, failed: 0 }
    set(this.#pluginCalls, { outcome: 'success' }, all - failed)
    set(this.#pluginCalls, { outcome: 'failure' }, failed)
    return (await this.#registry.metrics()) + latencyText(this.#dnsLatency)
  }

  #setDns(dns: DnsMetrics | undefined): void {
    this.#dnsLatency = dns
    set(this.#dnsEntries, {}, dns?.entriesOurs ?? 0)
    const counted = [...(this.#dnsZeros ? [] : zeroQueries()), ...(dns?.queries ?? [])]
    this.#dnsZeros = true
    for (const { count, ...labels } of counted) set(this.#dnsQueries, labels, count)
    set(this.#dnsCache, { outcome: 'hit' }, dns?.cacheHits ?? 0)
    set(this.#dnsCache, { outcome: 'miss' }, dns?.cacheMisses ?? 0)
    set(this.#dnsCacheEntries, {}, dns?.cacheEntries ?? 0)
    set(this.#dnsUpstreamFailures, {}, dns?.upstreamFailures ?? 0)
    set(this.#dnsLost, {}, dns?.lost ?? 0)
  }

  #setReport(report: Report): void {
    const { Router, IPAM } = report
    this.#setConnections(report)
    set(this.#terminations, {}, Router.TerminationCount)
    set(this.#peers, {}, Router.Peers.length)
    set(this.#ready, {}, report.Ready ? 1 : 0)

    const entries = IPAM?.Entries ?? []
    const lost = entries.filter((entry) => !entry.IsKnownPeer)
    const lostSize = lost.reduce((sum, entry) => sum + entry.Size, 0)
    set(this.#ips, { state: 'local-used' }, IPAM?.ActiveIPs ?? 0)
    set(this.#maxIps, {}, IPAM?.RangeNumIPs ?? 0)
    set(this.#unreachable, {}, new Set(lost.map((entry) => entry.Peer)).size)
    set(this.#unreachablePercentage, {}, IPAM === undefined ? 0 : (100 * lostSize) / IPAM.RangeNumIPs)
    set(this.#pendingAllocates, {}, IPAM?.PendingAllocates?.length ?? 0)
    set(this.#pendingClaims, {}, IPAM?.PendingClaims?.length ?? 0)
  }

  /** Any peer may make up channels: those that we do not know share one label. */
  #setGossip({ channels, routeRecalculations }: GossipMetrics): void {
    const sums = new Map<string, Omit<GossipMetrics['channels'][number], 'name' | 'surrogate'>>()
    for (const { name, surrogate, ...counts } of channels) {
      const channel = surrogate ? 'relayed' : name
      const sum = sums.get(channel)
      sums.set(channel, {
        messagesIn: counts.messagesIn + (sum?.messagesIn ?? 0),
        messagesOut: counts.messagesOut + (sum?.messagesOut ?? 0),
        bytesIn: counts.bytesIn + (sum?.bytesIn ?? 0),
        bytesOut: counts.bytesOut + (sum?.bytesOut ?? 0),
        queued: counts.queued + (sum?.queued ?? 0),
      })
    }
    for (const [channel, { messagesIn, messagesOut, bytesIn, bytesOut, queued }] of sums) {
      set(this.#gossipMessages, { channel, direction: 'in' }, messagesIn)
      set(this.#gossipMessages, { channel, direction: 'out' }, messagesOut)
      set(this.#gossipBytes, { channel, direction: 'in' }, bytesIn)
      set(this.#gossipBytes, { channel, direction: 'out' }, bytesOut)
      set(this.#gossipQueued, { channel }, queued)
    }
    set(this.#routes, {}, routeRecalculations)
  }

  /** Every label set is there from the start: a graph needs the zero before the first one. */
  #setConnections({ Router }: Report): void {
    this.#connections.reset()
    for (const state of STATES) {
      for (const type of TYPES) {
        for (const encryption of ['', 'yes']) this.#connections.set({ encryption, state, type }, 0)
      }
    }
    for (const { State: state, Attrs } of Router.Connections ?? []) {
      const type = String(Attrs?.get('name') ?? 'unknown')
      const encryption = Attrs?.get('encrypted') === true ? 'yes' : ''
      this.#connections.inc({ encryption, state, type })
    }
  }

  #setSwitch({ counters, tables, direct, esp }: SwitchMetrics): void {
    for (const [event, count] of Object.entries(esp ?? {})) set(this.#esp, { event }, count)
    for (const [event, count] of Object.entries(counters)) {
      const reason = /^drop_(.*)/.exec(event)?.[1]
      if (reason === undefined) set(this.#switchFrames, { event }, count)
      else set(this.#switchDrops, { reason }, count)
    }
    for (const [table, entries] of Object.entries(tables)) set(this.#switchTables, { table }, entries)
    set(this.#switchDirect, {}, direct ? 1 : 0)
    set(this.#flows, {}, (tables['remoteMacs'] ?? 0) + (tables['localMacs'] ?? 0))
  }

  #setTraffic({ mesh, engine, links, switch: ours }: MetricSources): void {
    if (ours !== undefined) this.#setSwitch(ours)
    set(this.#sockets, { event: 'accepted' }, mesh.accepted)
    set(this.#sockets, { event: 'refused' }, mesh.refused)
    set(this.#sockets, { event: 'dialled' }, mesh.dialled)
    set(this.#meshBytes, { direction: 'in' }, mesh.bytesIn)
    set(this.#meshBytes, { direction: 'out' }, mesh.bytesOut)
    set(this.#unsent, {}, mesh.unsent)
    for (const [event, count] of engine) set(this.#engine, { event }, count)

    for (const metric of [this.#linkBytes, this.#linkPackets, this.#linkDrops]) metric.reset()
    for (const { peer, nickname, overlay, ...link } of links) {
      const labels = { peer, nickname, overlay }
      set(this.#linkBytes, { ...labels, direction: 'out' }, link.bytesSent)
      set(this.#linkBytes, { ...labels, direction: 'in' }, link.bytesReceived)
      set(this.#linkPackets, { ...labels, direction: 'out' }, link.packetsSent)
      set(this.#linkPackets, { ...labels, direction: 'in' }, link.packetsReceived)
      set(this.#linkDrops, labels, link.drops)
    }
  }

  #gauge(name: string, help: string, ...labelNames: string[]): Gauge {
    return new Gauge({ name, help, labelNames, registers: [this.#registry] })
  }

  #counter(name: string, help: string, ...labelNames: string[]): Counter {
    return new Counter({ name, help, labelNames, registers: [this.#registry] })
  }
}

/** What graphs and alerts ask for must be there before the first query; seldom types come with their first. */
const zeroQueries = (): DnsMetrics['queries'] =>
  ['A', 'AAAA', 'PTR'].flatMap((type) =>
    (type === 'PTR' ? ['reverse', 'foreign'] : ['local', 'foreign']).flatMap((zone) =>
      ['NOERROR', 'NXDOMAIN', 'SERVFAIL'].map((rcode) => ({ type, zone, rcode, count: 0 })),
    ),
  )

/** The library cannot be given a histogram that was counted elsewhere. */
function latencyText(dns: DnsMetrics | undefined): string {
  if (dns === undefined) return ''
  const name = 'weave_dns_query_duration_seconds'
  let below = 0
  const buckets = dns.latency.map((count, at) => {
    below += count
    return `${name}_bucket{le="${dns.latencyBounds[at] ?? '+Inf'}"} ${below}\n`
  })
  const head = `\n# HELP ${name} Time from query to answer.\n# TYPE ${name} histogram\n`
  return `${head}${buckets.join('')}${name}_sum ${dns.latencySumSec}\n${name}_count ${below}\n`
}

/** Counters are kept elsewhere: here they are only shown. */
function set(metric: Gauge | Counter, labels: Record<string, string>, value: number): void {
  if (metric instanceof Gauge) {
    metric.set(labels, value)
    return
  }
  metric.remove(labels)
  metric.inc(labels, value)
}
