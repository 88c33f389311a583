import type { Runners } from '../case.ts'
import { domainAndUpstream } from './domain.ts'
import { capturedGossip, gobPayloads } from './gossip.ts'
import { httpSinglePeer } from './http.ts'
import { mergeSequences } from './merge.ts'
import { queries } from './queries.ts'

export const dnsRunners: Runners = {
  'dns/domain-and-upstream.json': domainAndUpstream,
  'dns/gob-payloads.json': gobPayloads,
  'dns/gossip-captured.json': capturedGossip,
  'dns/http-single-peer.json': httpSinglePeer,
  'dns/merge-sequences.json': mergeSequences,
  'dns/queries.json': queries,
}
