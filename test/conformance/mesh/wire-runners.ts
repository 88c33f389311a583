import type { Runners } from '../case.ts'
import { secretboxFrames, sessionKeys } from './wire-crypto.ts'
import { featureMaps, gossipHeaders, parsedFeatures } from './wire-features.ts'
import { gobPrimitives } from './wire-gob.ts'
import { ipamPayloads, namePayloads } from './wire-gob-payloads.ts'
import { handshakes } from './wire-handshake.ts'
import { hostPorts, peerNames } from './wire-names.ts'
import { recordedConversations } from './wire-recorded.ts'
import { recordedReports } from './wire-reports.ts'

/** Control connection: what is on the wire, and what users and hosts are called. */
export const meshWireRunners: Runners = {
  'mesh/gob-features.json': featureMaps,
  'mesh/gob-gossip-headers.json': gossipHeaders,
  'mesh/gob-ipam.json': ipamPayloads,
  'mesh/gob-nameserver.json': namePayloads,
  'mesh/gob-primitives.json': gobPrimitives,
  'mesh/handshake.json': handshakes,
  'mesh/host-port.json': hostPorts,
  'mesh/parse-features.json': parsedFeatures,
  'mesh/peer-names.json': peerNames,
  'mesh/recorded-reports.json': recordedReports,
  'mesh/recorded-weaver.json': recordedConversations,
  'mesh/secretbox-frames.json': secretboxFrames,
  'mesh/session-keys.json': sessionKeys,
}
