import type { LinkTraffic, MetricSources } from '../api/metrics.ts'
import { LATENCY_BUCKETS_SEC } from '../dns/stats.ts'
import { espStatistics } from '../host/esp-statistics.ts'
import { formatPeerName, type PeerName } from '../lib/peer-name.ts'
import type { Fastdp } from '../overlay/fastdp/fastdp.ts'
import { type ReportSources, takeReport } from './report.ts'

/** What a scrape shows. */
export function metricSources(sources: ReportSources): MetricSources {
  const { router, dataPath, dns, docker } = sources
  const report = takeReport(sources)
  const plugin = docker?.pluginStatus()
  const names = dns?.status()
  const { channels, routeRecalculations, peers } = router.status()
  return {
    report,
    mesh: router.counters(),
    gossip: { channels, routeRecalculations },
    engine: dataPath.sleeve.counters(),
    links: linkTraffic(sources, new Map(peers.map((peer) => [peer.name, peer.nickname]))),
    switch: dataPath.fastdp && {
      counters: dataPath.fastdp.counters(),
      tables: dataPath.fastdp.tableSizes(),
      direct: dataPath.fastdp.direct,
      esp: espEvents(dataPath.fastdp),
    },
    dns: names && {
      entriesOurs: names.livingOurs,
      queries: names.stats.queries,
      latencyBounds: LATENCY_BUCKETS_SEC,
      latency: names.stats.latency,
      latencySumSec: names.stats.latencySumSec,
      cacheHits: names.stats.cacheHits,
      cacheMisses: names.stats.cacheMisses,
      cacheEntries: names.cache.entries,
      upstreamFailures: names.forwarding.failures,
      lost: names.stats.lost,
    },
    pluginCalls: plugin && { all: plugin.calls, failed: plugin.failures },
  }
}

/** Where the kernel does not count, there are the keys. */
const espEvents = (fastdp: Fastdp): Readonly<Record<string, number>> | undefined =>
  fastdp.sealingProblem === undefined ? { key_replaced: fastdp.rekeys, ...espStatistics() } : undefined

function linkTraffic({ dataPath }: ReportSources, nicknames: ReadonlyMap<PeerName, string>): LinkTraffic[] {
  const fast = [...(dataPath.fastdp?.traffic() ?? [])].map(([peer, traffic]) => ({
    peer: formatPeerName(peer),
    nickname: nicknames.get(peer) ?? '',
    overlay: 'fastdp',
    ...traffic,
    // The switch counts drops by reason, not by peer.
    drops: 0,
  }))
  const slow = [...dataPath.sleeve.linkCounters()].map(([peer, counters]) => ({
    peer: formatPeerName(peer),
    nickname: nicknames.get(peer) ?? '',
    overlay: 'sleeve',
    bytesSent: counters.bytesSent,
    bytesReceived: counters.bytesReceived,
    packetsSent: counters.datagramsSent,
    packetsReceived: counters.datagramsReceived,
    drops: counters.undecryptable + counters.replayed + counters.sendFailed,
  }))
  return [...fast, ...slow]
}
