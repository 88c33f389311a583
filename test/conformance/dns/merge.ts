import { type EntriesGossip, type Gossip, NameGossiper } from '../../../src/dns/gossip.ts'
import { decodeNameGossip } from '../../../src/dns/gossip-codec.ts'
import { nameToKey } from '../../../src/dns/name.ts'
import { NameTable } from '../../../src/dns/table.ts'
import { messageOf } from '../../../src/lib/errors.ts'
import { formatIp4, parseIp4 } from '../../../src/lib/ip4.ts'
import { parsePeerName } from '../../../src/lib/peer-name.ts'
import type { Observation } from '../case.ts'
import { fromHex, type RecordedEntry, toRecorded } from './values.ts'

interface Step {
  readonly step: string
  readonly now: number
  readonly result: {
    readonly payload?: string
    readonly relayed?: readonly RecordedEntry[] | null
    readonly relayed_timestamp?: number
    readonly error?: string
    readonly panic?: string
    readonly addrs?: string
  }
  readonly store_after: readonly RecordedEntry[] | null
  readonly broadcasts: number
  readonly broadcast_entries: readonly RecordedEntry[]
}

interface Sequence {
  readonly meaning: string
  readonly our_name: string
  readonly steps: readonly Step[]
}

/**
 * Local changes and received gossip, with the table, what is relayed and what is broadcast after each step.
 */
export function* mergeSequences(vector: { readonly sequences: readonly Sequence[] }): Iterable<Observation> {
  for (const sequence of vector.sequences) {
    const peer = new Peer(sequence.our_name)
    for (const [index, step] of sequence.steps.entries()) {
      yield {
        case: `${sequence.meaning} / ${index} ${step.step}`,
        expected: expected(step),
        actual: peer.run(step),
      }
    }
  }
}

/** Order within a message says nothing; texts of Go's gob library are its own. */
function expected({ result, store_after, broadcast_entries }: Step): unknown {
  const { payload, relayed, error, addrs, panic, relayed_timestamp } = result
  return {
    result: {
      ...(payload === undefined || panic !== undefined ? {} : { relayed: sorted(relayed ?? []) }),
      ...(relayed_timestamp === undefined ? {} : { relayed_timestamp }),
      ...(error === undefined ? {} : { error: error.startsWith('gob:') ? 'gob' : error }),
      ...(addrs === undefined ? {} : { addrs }),
      ...(panic === undefined ? {} : { panic: 'Duplicate entry' }),
    },
    store: store_after ?? [],
    broadcast: sorted(broadcast_entries),
  }
}

class Peer {
  readonly #table: NameTable
  readonly #gossiper: NameGossiper
  #broadcast: readonly RecordedEntry[] = []
  #now = 0

  constructor(name: string) {
    this.#table = new NameTable(parsePeerName(name))
    this.#gossiper = new NameGossiper(
      { table: this.#table, clock: { now: () => 0, wall: () => this.#now * 1000 } },
      {
        isKnownPeer: () => true,
        onReceived: () => undefined,
        channel: () => ({
          broadcast: (gossip) => {
            this.#broadcast = entriesOf(gossip)
          },
        }),
      },
    )
  }

  run(step: Step): unknown {
    this.#now = step.now
    this.#broadcast = []
    return {
      result: this.#perform(step),
      store: this.#table.entries().map(toRecorded),
      broadcast: this.#broadcast,
    }
  }

  #perform({ step, result }: Step): unknown {
    if (result.payload !== undefined)
      return this.#receive(fromHex(result.payload), step.includes('as broadcast'))
    const lookup = /^lookup (web\S+)$/.exec(step)
    if (lookup !== null || step === 'lookup both') {
      const key = nameToKey(lookup?.[1] ?? 'web.weave.local') ?? ''
      const addresses = this.#table.index.addresses(key).map(formatIp4).sort()
      return { addrs: `[${addresses.join(' ')}]` }
    }
    this.#change(step)
    return {}
  }

  #receive(payload: Uint8Array, asBroadcast: boolean): unknown {
    try {
      const source = parsePeerName('ba::2')
      const relayed = asBroadcast
        ? this.#gossiper.onBroadcast(source, payload)
        : this.#gossiper.onGossip(payload)
      if (relayed === undefined) return { relayed: [] }
      return {
        relayed: entriesOf(relayed),
        relayed_timestamp: (relayed as EntriesGossip).timestampSec,
      }
    } catch (thrown) {
      const text = messageOf(thrown)
      return { error: text.startsWith('gob:') ? 'gob' : text, relayed: [] }
    }
  }

  #change(step: string): void {
    const added = ADDS.get(step)
    if (added !== undefined) {
      this.#gossiper.broadcast([this.#table.add(added, 'c1', parseIp4('10.32.0.1'))])
    } else if (step.startsWith('delete ') || step === 'ContainerDied c1') {
      this.#gossiper.broadcast(this.#table.tombstone({ containerId: 'c1' }, this.#now))
    } else if (step.startsWith('deleteTombstones ')) {
      this.#table.expire(this.#now)
    } else if (step.startsWith('PeerGone B')) {
      this.#table.peerGone(parsePeerName('ba::2'))
    } else if (step !== 'outside of domain: ignored') {
      throw new Error(`unknown step ${step}`)
    }
  }
}

const ADDS = new Map([
  ['AddEntryFQDN web.weave.local c1 10.32.0.1', 'web.weave.local.'],
  ['again: no change but broadcast again', 'web.weave.local.'],
  ['re-add: tombstone cleared, version+1', 'web.weave.local.'],
  ['add web', 'web.weave.local.'],
  ['add web again: a duplicate is stored', 'web.weave.local.'],
  ['add WEB', 'WEB.weave.local.'],
  ['add own', 'own.weave.local.'],
])

/** What others will read. */
const entriesOf = (gossip: Gossip): RecordedEntry[] =>
  sorted(gossip.encode().flatMap((payload) => decodeNameGossip(payload).entries.map(toRecorded)))

const sorted = (entries: readonly RecordedEntry[]): RecordedEntry[] =>
  entries.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
