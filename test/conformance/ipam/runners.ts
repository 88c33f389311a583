import type { Runners } from '../case.ts'
import { flagErrors } from './flags.ts'
import { httpScenarios, httpSinglePeer } from './http.ts'
import { paxosRuns } from './paxos.ts'
import { boltdb, gobPayloads, gossipCaptured } from './payloads.ts'
import { ringOps, ringRandom } from './ring.ts'
import { space } from './space.ts'

export const ipamRunners: Runners = {
  'ipam/boltdb.json': boltdb,
  'ipam/flag-errors.json': flagErrors,
  'ipam/gob-payloads.json': gobPayloads,
  'ipam/gossip-captured.json': gossipCaptured,
  'ipam/http-scenarios.json': (vector) => httpScenarios(vector),
  'ipam/http-scenarios-2.json': (vector) => httpScenarios(vector),
  'ipam/http-single-peer.json': (vector) => httpSinglePeer(vector),
  'ipam/http-three-peers.json': (vector) => httpScenarios(vector),
  'ipam/paxos-runs.json': paxosRuns,
  'ipam/ring-ops.json': ringOps,
  'ipam/ring-random.json': ringRandom,
  'ipam/space.json': space,
}
