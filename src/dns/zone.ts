import { type Ip4, ip4ToBytes, tryParseIp4 } from '../lib/ip4.ts'
import { type Answer, answerOf, NO_SUCH_NAME, NO_SUCH_TYPE, type OwnRecord } from './answer.ts'
import {
  child,
  isSingleLabel,
  isWithin,
  labelsOf,
  type NameKey,
  nameToWire,
  parentOf,
  wireToKey,
} from './name.ts'
import type { NameIndex } from './name-index.ts'
import type { Asked } from './query.ts'
import { RecordType, readName } from './wire.ts'

/** Records by hand, as the zone looks them up. */
export interface ZoneRecords {
  readonly hasWildcards: boolean
  has(name: NameKey): boolean
  at(name: NameKey): readonly { readonly type: number; readonly data: Uint8Array }[]
}

/** What is to be done about a query. */
export type Resolution =
  | { readonly kind: 'answer'; readonly zone: 'local' | 'reverse'; readonly answer: Answer }
  /** Not ours: to the upstream servers. */
  | { readonly kind: 'forward'; readonly zone: 'foreign' | 'reverse' }
  /** An alias of ours for a foreign name: the answer is the alias and what the upstream servers say about `target`. */
  | {
      readonly kind: 'alias'
      readonly zone: 'local'
      readonly alias: readonly OwnRecord[]
      readonly target: NameKey
    }

/** What everybody who asks for a name of ours gets, by type. */
export interface ReadyName {
  readonly byType: ReadonlyMap<number, Answer>
  /** For all types that are not in `byType`; undefined when that depends on other names. */
  readonly others: Answer | undefined
}

const REVERSE = '\x07in-addr\x04arpa\0'

/** Longer chains of aliases are taken for a circle. */
const MAX_ALIASES = 8

/** Which names are ours and what we answer about them (dns §8). */
export class Zone {
  readonly domain: NameKey
  readonly #names: NameIndex
  readonly #records: ZoneRecords
  readonly #ttlSec: number

  constructor(
    modules: { readonly names: NameIndex; readonly records: ZoneRecords },
    options: { readonly domain: NameKey; readonly ttlSec: number },
  ) {
    this.domain = options.domain
    this.#names = modules.names
    this.#records = modules.records
    this.#ttlSec = options.ttlSec
  }

  resolve(query: Asked): Resolution {
    const { name, type } = query.question
    const only = query.questions === 1
    // DS records belong to the parent's zone.
    if (type !== RecordType.DS && isWithin(name, this.domain)) {
      return only ? this.#local(name, type) : answered('local', NO_SUCH_NAME)
    }
    if (type !== RecordType.DS && isWithin(name, REVERSE)) {
      return only && type === RecordType.PTR ? this.#reverse(name) : answered('reverse', NO_SUCH_NAME)
    }
    if (only && isSingleLabel(name)) return this.#local(child(labelsOf(name)[0] ?? '', this.domain), type)
    return { kind: 'forward', zone: 'foreign' }
  }

  /** Whether names that nobody added may have answers. */
  get hasWildcards(): boolean {
    return this.#names.hasWildcards || this.#records.hasWildcards
  }

  /** The answers of a name itself; undefined when there is no such name. */
  readyName(name: NameKey): ReadyName | undefined {
    if (!isWithin(name, this.domain) || !this.#exists(name)) return undefined
    const types = new Set(this.#records.at(name).map((record) => record.type))
    if (types.has(RecordType.CNAME)) return { byType: new Map(), others: undefined }
    if (this.#names.has(name)) types.add(RecordType.A)
    const byType = new Map([...types].map((type) => [type, this.#answerAt(name, type)]))
    return { byType, others: NO_SUCH_TYPE }
  }

  /** The reverse name of an address and its PTR answer; undefined: none of ours, so upstream servers are asked. */
  readyAddress(addr: Ip4): { readonly name: NameKey; readonly answer: Answer | undefined } {
    const labels = [...ip4ToBytes(addr)].map(String)
    return { name: labels.reduce((name, label) => child(label, name), REVERSE), answer: this.#nameOf(addr) }
  }

  #local(asked: NameKey, type: number): Resolution {
    const alias: OwnRecord[] = []
    let name: NameKey = asked
    for (;;) {
      const found = this.#findOrWildcard(name)
      if (found === undefined) {
        return alias.length === 0 ? answered('local', NO_SUCH_NAME) : answered('local', answerOf(alias))
      }
      const records = this.#records.at(found)
      const cname = records.find((record) => record.type === RecordType.CNAME)
      if (cname === undefined || type === RecordType.CNAME) {
        return answered('local', this.#answerAt(found, type, name === asked ? undefined : name, alias))
      }

      alias.push(this.#own(cname, alias.length === 0 ? undefined : name))
      const target = wireToKey(readName(cname.data, 0))
      if (!isWithin(target, this.domain)) return { kind: 'alias', zone: 'local', alias, target }
      if (alias.length >= MAX_ALIASES) return answered('local', answerOf(alias))
      name = target
    }
  }

  /** What a name has of one type, behind the aliases that led to it. */
  #answerAt(name: NameKey, type: number, owner?: NameKey, alias: readonly OwnRecord[] = []): Answer {
    const records = this.#records.at(name).filter((record) => record.type === type)
    const addresses = type === RecordType.A ? this.#names.addresses(name) : []
    const found = [...records, ...addresses.map((addr) => ({ type, data: ip4ToBytes(addr) }))]
    if (alias.length + found.length === 0) return NO_SUCH_TYPE
    return answerOf([...alias, ...found.map((record) => this.#own(record, owner))])
  }

  #own(record: { readonly type: number; readonly data: Uint8Array }, owner: NameKey | undefined): OwnRecord {
    return {
      type: record.type,
      data: record.data,
      ttlSec: this.#ttlSec,
      ...(owner === undefined ? {} : { owner }),
    }
  }

  /** The name itself, or the wildcard that covers it: the one at its closest ancestor that exists (RFC 4592). */
  #findOrWildcard(name: NameKey): NameKey | undefined {
    if (this.#exists(name)) return name
    for (
      let above = parentOf(name);
      above !== undefined && isWithin(above, this.domain);
      above = parentOf(above)
    ) {
      const wildcard = child('*', above)
      if (this.#exists(wildcard)) return wildcard
      if (this.#exists(above)) return undefined
    }
    return undefined
  }

  #exists(name: NameKey): boolean {
    return this.#names.has(name) || this.#records.has(name)
  }

  #reverse(name: NameKey): Resolution {
    const addr = reverseAddress(name)
    if (addr === undefined) return answered('reverse', NO_SUCH_NAME)
    const answer = this.#nameOf(addr)
    return answer === undefined ? { kind: 'forward', zone: 'reverse' } : answered('reverse', answer)
  }

  #nameOf(addr: Ip4): Answer | undefined {
    const data = nameToWire(this.#names.firstAt(addr)?.hostname ?? '')
    return data && answerOf([{ type: RecordType.PTR, ttlSec: this.#ttlSec, data }])
  }
}

const answered = (zone: 'local' | 'reverse', answer: Answer): Resolution => ({ kind: 'answer', zone, answer })

function reverseAddress(name: NameKey): Ip4 | undefined {
  return tryParseIp4(labelsOf(name).slice(0, -2).reverse().join('.'))
}
