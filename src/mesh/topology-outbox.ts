import type { PeerName } from '../lib/peer-name.ts'
import { isPlaceholder, placeholder } from './peer.ts'
import type { Peers } from './peers.ts'
import type { TopologyHistory } from './topology-history.ts'
import { encodeRecords, encodeTopologyMessage } from './topology-message.ts'

/** Records are gathered in messages of about this size, in bytes. */
const MAX_MESSAGE = 256 * 1024

/**
 * What one neighbour has still to be told of the topology. Only names wait here; what is sent is the state at that
 * moment, so a slow neighbour costs no more than one entry per peer.
 */
export class TopologyOutbox {
  /** Root of the tree → peer → version that the neighbour has; undefined: perhaps none. Only there while needed. */
  #records: Map<PeerName, Map<PeerName, bigint | undefined>> | undefined
  #wanted: Set<PeerName> | undefined
  #digest = false
  #versions = false

  record(root: PeerName, name: PeerName, base: bigint | undefined): void {
    this.#records ??= new Map()
    const records = this.#records.get(root) ?? new Map<PeerName, bigint | undefined>()
    this.#records.set(root, records)
    // Of several changes the neighbour has what was there before the first.
    if (!records.has(name) || base === undefined) records.set(name, base)
  }

  want(name: PeerName): void {
    this.#wanted ??= new Set()
    this.#wanted.add(name)
  }

  digest(): void {
    this.#digest = true
  }

  versions(): void {
    this.#versions = true
  }

  get queued(): number {
    let queued = this.#wanted?.size ?? 0
    for (const records of this.#records?.values() ?? []) queued += records.size
    return queued
  }

  /** Everything that waits, encoded. */
  take(peers: Peers, history: TopologyHistory): Uint8Array[] {
    const messages: Uint8Array[] = []
    for (const [root, names] of this.#records ?? [])
      messages.push(...recordMessages(root, names, peers, history))
    if (this.#wanted !== undefined) {
      const had = Array.from(this.#wanted, (name) => peers.get(name) ?? placeholder(name))
      messages.push(encodeTopologyMessage({ kind: 'want', versions: had }))
    }
    if (this.#versions) {
      const versions = [...peers].filter((peer) => !isPlaceholder(peer))
      messages.push(encodeTopologyMessage({ kind: 'versions', versions }))
    } else if (this.#digest) {
      messages.push(encodeTopologyMessage({ kind: 'digest', digest: peers.digest.value }))
    }
    this.#records = undefined
    this.#wanted = undefined
    this.#versions = false
    this.#digest = false
    return messages
  }
}

function* recordMessages(
  root: PeerName,
  names: ReadonlyMap<PeerName, bigint | undefined>,
  peers: Peers,
  history: TopologyHistory,
): Generator<Uint8Array> {
  let records: Uint8Array[] = []
  let size = 0
  for (const [name, base] of names) {
    const peer = peers.get(name)
    if (peer === undefined || isPlaceholder(peer)) continue
    const record = history.encoded(peer, base)
    if (records.length > 0 && size + record.length > MAX_MESSAGE) {
      yield encodeRecords(root, records)
      records = []
      size = 0
    }
    records.push(record)
    size += record.length
  }
  if (records.length > 0) yield encodeRecords(root, records)
}
