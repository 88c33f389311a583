import type { MacReport } from '../api/report.ts'
import type { Clock } from '../lib/clock.ts'
import { formatMac, type Mac, macFromBytes } from '../lib/mac.ts'
import { formatPeerName, type PeerName } from '../lib/peer-name.ts'
import type { MeshSnapshot } from '../mesh/snapshot-types.ts'
import type { DataPath } from './data-path.ts'

interface Learnt {
  readonly mac: Mac
  readonly peer: PeerName
  /** Wall clock, ms. */
  readonly seen: number
}

/** Which peer each MAC address is behind, as the switch that is in use has learnt it. */
export function macReports(dataPath: DataPath, mesh: MeshSnapshot, clock: Clock): MacReport[] {
  const nicknames = new Map(mesh.peers.map((peer) => [peer.name, peer.nickname]))
  return learntMacs(dataPath, mesh, clock)
    .sort((a, b) => a.mac - b.mac)
    .map(({ mac, peer, seen }) => ({
      Mac: formatMac(mac),
      Name: formatPeerName(peer),
      NickName: nicknames.get(peer) ?? '',
      LastSeen: new Date(seen).toISOString(),
    }))
}

function learntMacs({ sleeve, fastdp }: DataPath, mesh: MeshSnapshot, clock: Clock): Learnt[] {
  if (fastdp === undefined) {
    return sleeve.macs().map(({ mac, peer, ageMs }) => ({ mac, peer, seen: clock.wall() - ageMs }))
  }
  const names = new Map(mesh.peers.map((peer) => [peer.shortId, peer.name]))
  return fastdp.macs().flatMap(({ mac, peer: shortId, seen }) => {
    // Without a short id it is a container of this host; one of an unknown peer is about to be forgotten.
    const peer = shortId === undefined ? mesh.name : names.get(shortId)
    return peer === undefined ? [] : [{ mac: macFromBytes(mac), peer, seen: seen * 1000 }]
  })
}
