import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type MetricSources, Metrics } from './metrics.ts'
import { noVersionCheck, type Report } from './report.ts'

const report: Report = {
  Ready: true,
  Version: '3',
  VersionCheck: noVersionCheck,
  Router: {
    Protocol: 'weave',
    ProtocolMinVersion: 1,
    ProtocolMaxVersion: 2,
    Encryption: true,
    PeerDiscovery: true,
    Name: '00:00:00:00:00:04',
    NickName: 'four',
    Port: 6783,
    Peers: [],
    UnicastRoutes: [],
    BroadcastRoutes: [],
    Connections: [
      {
        Address: '10.0.0.1:6783',
        Outbound: true,
        State: 'established',
        Info: '',
        Attrs: new Map<string, string | boolean>([
          ['name', 'fastdp'],
          ['encrypted', true],
        ]),
      },
    ],
    TerminationCount: 2,
    Targets: null,
    OverlayDiagnostics: new Map(),
    TrustedSubnets: [],
    Interface: '',
    CaptureStats: null,
    MACs: null,
  },
  IPAM: undefined,
  DNS: undefined,
  Proxy: undefined,
  Plugin: undefined,
}

const sources: MetricSources = {
  report,
  mesh: { accepted: 1, refused: 0, dialled: 3, bytesIn: 10, bytesOut: 20, unsent: 0 },
  gossip: { channels: [], routeRecalculations: 0 },
  engine: new Map(),
  links: [],
  switch: undefined,
  dns: undefined,
  pluginCalls: undefined,
}

const linesOf = async (metrics: Metrics, from: MetricSources): Promise<Set<string>> =>
  new Set((await metrics.text(from)).split('\n'))

test('with IPAM, DNS, plugin and switch off a scrape has all names of the original', async () => {
  const lines = await linesOf(new Metrics(), sources)
  for (const line of [
    'weave_connection_terminations_total 2',
    'weave_ips{state="local-used"} 0',
    'weave_max_ips 0',
    'weave_dns_entries 0',
    'weave_flows 0',
    'weave_ipam_unreachable_count 0',
    'weave_ipam_unreachable_percentage 0',
    'weave_ipam_pending_allocates 0',
    'weave_ipam_pending_claims 0',
  ]) {
    assert(lines.has(line), line)
  }
})

test('gossip is counted by channel, that of channels which strangers made up as one', async () => {
  const counts = { messagesIn: 1, messagesOut: 2, bytesIn: 3, bytesOut: 4, queued: 5 }
  const channels = [
    { name: 'topology', surrogate: false, ...counts },
    { name: 'made up', surrogate: true, ...counts },
    { name: 'made up "too"', surrogate: true, ...counts },
  ]
  const lines = await linesOf(new Metrics(), { ...sources, gossip: { channels, routeRecalculations: 9 } })
  for (const line of [
    'weave_gossip_messages_total{channel="topology",direction="in"} 1',
    'weave_gossip_messages_total{channel="topology",direction="out"} 2',
    'weave_gossip_bytes_total{channel="topology",direction="in"} 3',
    'weave_gossip_bytes_total{channel="topology",direction="out"} 4',
    'weave_gossip_queued{channel="topology"} 5',
    'weave_gossip_messages_total{channel="relayed",direction="in"} 2',
    'weave_gossip_queued{channel="relayed"} 10',
    'weave_route_recalculations_total 9',
  ]) {
    assert(lines.has(line), line)
  }
  assert(![...lines].some((line) => line.includes('made up')))
})

test('every state, type and encryption of a connection is there before the first one', async () => {
  const lines = await linesOf(new Metrics(), sources)
  for (const state of ['established', 'pending', 'waiting', 'retrying', 'failed', 'connecting']) {
    for (const type of ['fastdp', 'sleeve', 'unknown']) {
      for (const encryption of ['', 'yes']) {
        const count = state === 'established' && type === 'fastdp' && encryption === 'yes' ? 1 : 0
        const line = `weave_connections{encryption="${encryption}",state="${state}",type="${type}"} ${count}`
        assert(lines.has(line), line)
      }
    }
  }
})

test('results of DNS queries are there as zeros, and a second scrape shows what was counted', async () => {
  const metrics = new Metrics()
  const line = 'weave_dns_queries_total{type="A",zone="local",rcode="NXDOMAIN"}'
  assert((await linesOf(metrics, sources)).has(`${line} 0`))
  const dns: MetricSources['dns'] = {
    entriesOurs: 1,
    queries: [{ type: 'A', zone: 'local', rcode: 'NXDOMAIN', count: 7 }],
    latencyBounds: [0.001],
    latency: [6, 1],
    latencySumSec: 0.5,
    cacheHits: 0,
    cacheMisses: 0,
    cacheEntries: 0,
    upstreamFailures: 0,
    lost: 0,
  }
  for (const scrape of [1, 2]) {
    const lines = await linesOf(metrics, { ...sources, dns })
    assert(lines.has(`${line} 7`), `scrape ${scrape}`)
    assert(lines.has('weave_dns_query_duration_seconds_bucket{le="+Inf"} 7'), `scrape ${scrape}`)
  }
})
