import { readFileSync } from 'node:fs'
import { decodeGossip, Tag } from '../../src/mesh/message.ts'
import { fromHex } from '../support/hex.ts'
import { projectFile } from '../support/project.ts'

/** A message of a recorded conversation. */
interface RecordedMessage {
  readonly plain: string
}

interface RecordedWeaver {
  readonly scenarios: readonly {
    readonly connections: readonly {
      readonly password?: string
      readonly negotiatedVersion: number
      readonly outbound: { readonly bytes: string; readonly messages: readonly RecordedMessage[] }
      readonly inbound: { readonly bytes: string; readonly messages: readonly RecordedMessage[] }
    }[]
  }[]
}

export function vector<T>(file: string): T {
  return JSON.parse(readFileSync(projectFile('test/vectors', file), 'utf8')) as T
}

const connections = vector<RecordedWeaver>('mesh/recorded-weaver.json').scenarios.flatMap(
  (s) => s.connections,
)

/** Everything that a real peer sent on one connection in clear, by protocol version. */
export function plainConversations(version: number): Uint8Array[] {
  return connections
    .filter((c) => c.password === undefined && c.negotiatedVersion === version)
    .flatMap((c) => [fromHex(c.outbound.bytes), fromHex(c.inbound.bytes)])
}

/** Messages (tag and payload) of real peers, each once. */
export const messages: readonly Uint8Array[] = [
  ...new Set(connections.flatMap((c) => [...c.outbound.messages, ...c.inbound.messages].map((m) => m.plain))),
].map(fromHex)

/** Bodies of the messages with one of the tags. */
export function bodies(...tags: readonly number[]): Uint8Array[] {
  return messages.filter((message) => tags.includes(message[0] ?? -1)).map((message) => message.subarray(1))
}

/** Payloads that real peers gossiped on a channel. */
export function gossipOn(channel: string): Uint8Array[] {
  const gossip = bodies(Tag.gossip, Tag.gossipBroadcast).map(decodeGossip)
  return gossip.filter((g) => g.channel === channel).map((g) => g.payload)
}
