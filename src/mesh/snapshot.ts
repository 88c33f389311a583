import { UNKNOWN_PEER } from '../lib/peer-name.ts'
import type { ConnectionMaker } from './connection-maker.ts'
import type { Link } from './link.ts'
import type { NodeContext } from './node-context.ts'
import type { Peer } from './peer.ts'
import type { Peers } from './peers.ts'
import type { ChannelSnapshot, ConnectionSnapshot, MeshSnapshot, PeerSnapshot } from './snapshot-types.ts'
import { TOPOLOGY_CHANNEL } from './topology-gossiper.ts'

/** Everything that status, report and metrics show, as it is now. */
export function snapshotOf(context: NodeContext, maker: ConnectionMaker, terminations: number): MeshSnapshot {
  const { options, peers, routes, links, gossip } = context
  const { self } = peers
  return {
    name: self.name,
    nickname: self.nickname,
    uid: self.uid,
    shortId: self.shortId ?? 0,
    version: self.version,
    port: options.port,
    encryption: options.password !== undefined,
    discovery: options.discovery,
    minVersion: options.minVersion,
    maxVersion: options.maxVersion,
    trustedSubnets: options.trustedSubnets,
    peers: Array.from(peers, (peer) => peerSnapshot(peer, peers)),
    connections: [...Array.from(links.neighbours()).flatMap(linkSnapshot), ...maker.snapshot()],
    unicastRoutes: [
      { destination: self.name, via: UNKNOWN_PEER },
      ...Array.from(routes.established.unicast, ([destination, via]) => ({ destination, via })),
    ],
    broadcastRoutes: broadcastRoutes(context),
    targets: maker.targets,
    terminationCount: terminations,
    routeRecalculations: routes.recalculations,
    channels: Array.from(gossip.channels, (channel) => channelSnapshot(channel, links)),
  }
}

/** Ourself, and the sources that somebody asked for. */
function broadcastRoutes({ routes, peers }: NodeContext): MeshSnapshot['broadcastRoutes'] {
  routes.established.broadcast(peers.self.name)
  return Array.from(routes.established.lookedUp, ([source, via]) => ({ source, via }))
}

function peerSnapshot(peer: Peer, peers: Peers): PeerSnapshot {
  const { name, nickname, uid, version } = peer
  const connections = Array.from(peer.claims, ({ remote, address, outbound, established }) => ({
    name: remote,
    nickname: peers.get(remote)?.nickname ?? '',
    address,
    outbound,
    established,
  }))
  return { name, nickname, uid, version, shortId: peer.shortId ?? 0, connections }
}

function linkSnapshot(link: Link): ConnectionSnapshot[] {
  if (link.peer === undefined) return []
  const { name, nickname } = link.peer
  const state = link.established ? 'established' : 'pending'
  const attributes = link.overlay?.attributes() ?? {}
  return [{ state, address: link.address, outbound: link.outbound, peer: name, nickname, attributes }]
}

function channelSnapshot(
  channel: Omit<ChannelSnapshot, 'queued'>,
  links: NodeContext['links'],
): ChannelSnapshot {
  let queued = 0
  for (const link of links.neighbours()) {
    queued += link.queue.queued(channel.name)
    if (channel.name === TOPOLOGY_CHANNEL) queued += link.outbox?.queued ?? 0
  }
  const { name, surrogate, messagesIn, messagesOut, bytesIn, bytesOut } = channel
  return { name, surrogate, messagesIn, messagesOut, bytesIn, bytesOut, queued }
}
