import type { Clock } from '../lib/clock.ts'
import { messageOf, WeaveError } from '../lib/errors.ts'
import { formatIp4, type Ip4 } from '../lib/ip4.ts'
import type { Log } from '../lib/log.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { type Entry, identityOf, isAlive } from './entry.ts'
import { type Channel, NameGossiper } from './gossip.ts'
import { isWithin, type NameKey, nameToKey, withFinalDot } from './name.ts'
import { NameDisk, type NameStore } from './name-disk.ts'
import type { NameIndex } from './name-index.ts'
import type { NameChanges } from './ready-answers.ts'
import { type HandRecord, isHandType, recordData } from './record.ts'
import { MAX_RECORDS } from './record-codec.ts'
import { RecordGossiper } from './record-gossip.ts'
import { type RecordFilter, RecordTable } from './record-table.ts'
import { decodeSaved, encodeSaved } from './saved-names.ts'
import { type EntryFilter, NameTable } from './table.ts'

/** A name to register. */
export interface Registration {
  /** Final dot optional. */
  readonly fqdn: string
  readonly containerId: string
  readonly addr: Ip4
  /** By a user, not by watching containers: comes back by itself after a restart of the daemon. */
  readonly byHand?: boolean
}

/** Ids that Docker gives, whole or shortened; names of other owners (`weave:extern`, …) belong to no container. */
const CONTAINER_ID = /^[0-9a-f]{12,64}$/

const EXPIRE_EVERY = 60_000

/** The names and records of all peers, and what users and containers do to ours. */
export class Names {
  readonly gossiper: NameGossiper
  readonly recordGossiper: RecordGossiper
  readonly records: RecordTable
  readonly #table: NameTable
  readonly #clock: Clock
  readonly #log: Log
  readonly #disk: NameDisk
  readonly #us: PeerName
  readonly #domain: NameKey
  readonly #domainText: string
  /** Identities of entries that were added by hand. */
  readonly #byHand = new Set<string>()
  #channels: { readonly names: Channel; readonly records: Channel } | undefined
  #expiry: NodeJS.Timeout | undefined
  #onChange: (changed: NameChanges) => void = () => undefined

  constructor(
    modules: { readonly clock: Clock; readonly log: Log; readonly store?: NameStore },
    options: {
      readonly us: PeerName
      readonly domain: NameKey
      readonly domainText: string
      readonly isKnownPeer: (name: PeerName) => boolean
    },
  ) {
    this.#clock = modules.clock
    this.#log = modules.log
    this.#disk = new NameDisk(modules.store, () => this.#encode(), modules.log)
    this.#us = options.us
    this.#domain = options.domain
    this.#domainText = options.domainText
    this.#table = new NameTable(options.us)
    this.records = new RecordTable(options.us)
    this.gossiper = new NameGossiper(
      { table: this.#table, clock: modules.clock },
      {
        isKnownPeer: options.isKnownPeer,
        onReceived: () => this.#changed(),
        channel: () => this.#channels?.names,
      },
    )
    this.recordGossiper = new RecordGossiper(this.records, {
      isKnownPeer: options.isKnownPeer,
      onChanged: () => this.#changed(),
      channel: () => this.#channels?.records,
    })
  }

  get index(): NameIndex {
    return this.#table.index
  }

  entries(): readonly Entry[] {
    return this.#table.entries()
  }

  connect(channels: { readonly names: Channel; readonly records: Channel }): void {
    this.#channels = channels
  }

  /** Called with all that there is now, and from then on with what has changed, whoever changed it. */
  onChange(call: (changed: NameChanges) => void): void {
    this.#onChange = call
    const { index } = this.#table
    call({ names: [...index.names(), ...this.records.names()], addresses: index.allAddresses() })
  }

  start(): void {
    this.#restore()
    this.#expiry = setInterval(() => this.#table.expire(this.#nowSec()), EXPIRE_EVERY)
    this.#expiry.unref()
  }

  /** Resolves when everything is saved. */
  async stop(): Promise<void> {
    clearInterval(this.#expiry)
    await this.#disk.idle()
  }

  /**
   * Registers a name and tells all peers; resolves when a name by hand is saved. False: not in the domain, and so
   * ignored (dns §3).
   */
  async add({ fqdn, containerId, addr, byHand = false }: Registration): Promise<boolean> {
    const hostname = withFinalDot(fqdn)
    if (!this.#isOurs(hostname)) {
      const why = `not a subdomain of ${this.#domainText}`
      const container = containerId
      this.#log.warn('ignoring DNS registration', { name: hostname, addr: formatIp4(addr), container, why })
      return false
    }
    const entry = this.#table.add(hostname, containerId, addr)
    if (byHand) this.#byHand.add(identityOf(entry))
    this.#tell([entry])
    if (byHand) await this.#disk.saved()
    else void this.#disk.savedLater()
    return true
  }

  /** Removes our names that match and tells all peers; resolves to how many when that is saved. */
  async remove(filter: EntryFilter): Promise<number> {
    const count = this.#bury(filter)
    if (count > 0) await this.#disk.saved()
    return count
  }

  /** Removes our names that match, without waiting for the disk. */
  forget(filter: EntryFilter): void {
    if (this.#bury(filter) > 0) void this.#disk.savedLater()
  }

  /** The container has ended: its names go at once. */
  containerDied(containerId: string): void {
    this.forget({ containerId })
  }

  /** Removes names of containers that are not among the running ones, given by their full ids. */
  keepContainers(running: ReadonlySet<string>): void {
    const runs = (id: string): boolean => running.has(id) || [...running].some((full) => full.startsWith(id))
    const owners = new Set(
      this.#table
        .ours()
        .filter(isAlive)
        .map((entry) => entry.containerId),
    )
    for (const id of owners) if (CONTAINER_ID.test(id) && !runs(id)) this.containerDied(id)
  }

  /** The mesh has lost the peer: its names are not answered until it is back. */
  peerGone(name: PeerName): void {
    if (name === this.#us) return
    this.#table.peerGone(name)
    this.records.peerGone(name)
    this.#changed()
  }

  /** Addresses of a name; a name of one label is looked for in the domain. */
  lookup(name: string): Ip4[] {
    const key = nameToKey(name.includes('.') ? name : `${name}.${this.#domainText}`)
    return key === undefined ? [] : this.#table.index.addresses(key)
  }

  /** Adds a record by hand; rejects with `WeaveError` when the name is not in the domain or the value is wrong. */
  async addRecord(name: string, type: string, value: string): Promise<void> {
    const record = this.#checkedRecord(name, type, value)
    this.recordGossiper.broadcast(this.records.add(record))
    this.#changed()
    await this.#disk.saved()
  }

  /** Removes records of ours; resolves to whether any matched. */
  async removeRecord(filter: RecordFilter): Promise<boolean> {
    const set = this.records.remove({ ...filter, name: withFinalDot(filter.name) })
    if (set === undefined) return false
    this.recordGossiper.broadcast(set)
    this.#changed()
    await this.#disk.saved()
    return true
  }

  #bury(filter: EntryFilter): number {
    const { hostname, ...rest } = filter
    const full = hostname === undefined ? rest : { ...rest, hostname: withFinalDot(hostname) }
    const dead = this.#table.tombstone(full, this.#nowSec())
    if (dead.length > 0) this.#tell(dead)
    return dead.length
  }

  #checkedRecord(name: string, type: string, value: string): HandRecord {
    const hostname = withFinalDot(name)
    const upper = type.toUpperCase()
    if (!isHandType(upper)) {
      throw new WeaveError('invalid-record', `record type ${JSON.stringify(type)} is not supported`)
    }
    if (!this.#isOurs(hostname)) {
      throw new WeaveError('invalid-record', `${hostname} is not a subdomain of ${this.#domainText}`)
    }
    if (this.records.ours().records.length >= MAX_RECORDS) {
      throw new WeaveError('invalid-record', `this peer has ${MAX_RECORDS} records already`)
    }
    const record: HandRecord = { name: hostname, type: upper, value }
    recordData(record)
    return record
  }

  #isOurs(hostname: string): boolean {
    const key = nameToKey(hostname)
    return key !== undefined && isWithin(key, this.#domain)
  }

  #tell(entries: readonly Entry[]): void {
    this.gossiper.broadcast(entries)
    this.#changed()
  }

  #changed(): void {
    const { names, addresses } = this.#table.index.takeChanged()
    this.#onChange({ names: [...names, ...this.records.takeChanged()], addresses })
  }

  #restore(): void {
    const bytes = this.#disk.load()
    if (bytes === undefined) return
    try {
      const saved = decodeSaved(bytes, this.#us)
      const byHand = saved.entries.filter((one) => one.byHand).map((one) => one.entry)
      this.#table.restore(byHand)
      this.#table.remember(saved.entries.filter((one) => !one.byHand).map((one) => one.entry))
      for (const entry of byHand) this.#byHand.add(identityOf(entry))
      this.records.restore(saved.records.version, saved.records.records)
      this.#changed()
    } catch (thrown) {
      this.#log.error(messageOf(thrown), { cause: messageOf((thrown as Error).cause) })
    }
  }

  #encode(): Uint8Array {
    const entries = this.#table
      .ours()
      .map((entry) => ({ entry, byHand: this.#byHand.has(identityOf(entry)) }))
    const { version, records } = this.records.ours()
    return encodeSaved({ entries, records: { version, records } })
  }

  #nowSec(): number {
    return Math.floor(this.#clock.wall() / 1000)
  }
}
