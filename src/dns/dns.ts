import { networkInterfaces } from 'node:os'
import type { Clock } from '../lib/clock.ts'
import { WeaveError } from '../lib/errors.ts'
import type { Ip4 } from '../lib/ip4.ts'
import type { Log } from '../lib/log.ts'
import type { PeerName } from '../lib/peer-name.ts'
import type { Rng } from '../lib/rng.ts'
import { Cache, type CacheLimits } from './cache.ts'
import type { Entry } from './entry.ts'
import { Forwarder } from './forwarder.ts'
import type { Channel, NameGossiper } from './gossip.ts'
import { formatListenAddress, type ListenAddress } from './listen-address.ts'
import { Listeners } from './listeners.ts'
import { nameToKey, withFinalDot } from './name.ts'
import type { NameStore } from './name-disk.ts'
import { Names } from './names.ts'
import { type FastServer, type OpenFastServer, ReadyAnswers } from './ready-answers.ts'
import type { HandRecord } from './record.ts'
import type { RecordGossiper } from './record-gossip.ts'
import { ResolvWatch } from './resolv-watch.ts'
import { Responder } from './responder.ts'
import { LATENCY_BUCKETS_SEC, Stats, type StatsSnapshot } from './stats.ts'
import { Upstreams } from './upstreams.ts'
import { Zone } from './zone.ts'

export interface DnsModules {
  readonly clock: Clock
  readonly rng: Rng
  readonly log: Log
  /** Where names added by hand survive a restart; without it they do not. */
  readonly store?: NameStore
  /** The addon's server for UDP; without it JavaScript does everything. */
  readonly openFastServer?: OpenFastServer
}

export interface DnsOptions {
  readonly name: PeerName
  /** Whether the mesh's topology has that peer. */
  readonly isKnownPeer: (name: PeerName) => boolean
  /** `weave.local.`; a final dot is added. */
  readonly domain: string
  readonly listen: readonly ListenAddress[]
  readonly ttlSec: number
  /** How long a forwarded query may take in all, in ms. */
  readonly fallbackTimeout: number
  /** Undefined: nothing is forwarded. */
  readonly resolvConf: string | undefined
  /** Port of upstream servers; resolv.conf has none. */
  readonly upstreamPort?: number
  readonly cache?: Partial<CacheLimits>
}

/** What `weave status`, `weave report` and the metrics show. */
export interface DnsStatus {
  readonly domain: string
  readonly upstream: readonly string[]
  /** Where we listen, `HOST:PORT`. */
  readonly addresses: readonly string[]
  readonly ttlSec: number
  /** All entries of all peers, tombstones too, in store order. */
  readonly entries: readonly Entry[]
  /** Living entries of all peers, and of this one. */
  readonly living: number
  readonly livingOurs: number
  /** Records added by hand, on all peers. */
  readonly records: readonly (HandRecord & { readonly origin: PeerName })[]
  readonly stats: StatsSnapshot
  readonly cache: { readonly entries: number; readonly bytes: number }
  readonly forwarding: { readonly failures: number; readonly refused: number; readonly inFlight: number }
}

const DNS_PORT = 53

/** The name service of one peer: its names, its server, its upstream servers. */
export class Dns implements AsyncDisposable {
  readonly names: Names
  readonly #modules: DnsModules
  readonly #options: DnsOptions
  readonly #upstreams = new Upstreams()
  readonly #cache: Cache
  readonly #stats = new Stats()
  readonly #forwarder: Forwarder
  readonly #responder: Responder
  readonly #zone: Zone
  readonly #listeners: Listeners
  #resolv: ResolvWatch | undefined
  #fast: FastServer | undefined
  #ready: ReadyAnswers | undefined
  /** What resolv.conf says. */
  #configured: readonly string[] = []

  constructor(modules: DnsModules, options: DnsOptions) {
    const domain = nameToKey(options.domain)
    if (domain === undefined) {
      throw new WeaveError('invalid-dns-domain', `invalid DNS domain ${JSON.stringify(options.domain)}`)
    }
    this.#modules = modules
    this.#options = options
    this.#cache = new Cache(options.cache, (key) => this.#ready?.uncached(key))
    this.names = new Names(modules, {
      us: options.name,
      domain,
      domainText: withFinalDot(options.domain),
      isKnownPeer: options.isKnownPeer,
    })
    this.#zone = new Zone(
      { names: this.names.index, records: this.names.records },
      { domain, ttlSec: options.ttlSec },
    )
    this.#forwarder = new Forwarder(
      { ...modules, upstreams: this.#upstreams },
      { port: options.upstreamPort ?? DNS_PORT, timeout: options.fallbackTimeout },
    )
    this.#responder = new Responder({
      ...modules,
      zone: this.#zone,
      cache: this.#cache,
      forwarder: this.#forwarder,
      stats: this.#stats,
      onCached: (cached) => this.#ready?.cached(cached.key, cached),
    })
    this.#listeners = new Listeners(this.#responder.handle.bind(this.#responder), modules.log)
  }

  /** With final dot, spelled as configured. */
  get domain(): string {
    return withFinalDot(this.#options.domain)
  }

  /** Where we listen; port 0 was replaced by the one that the system chose. */
  get addresses(): readonly ListenAddress[] {
    const { addresses } = this.#listeners
    return addresses.length === 0 ? this.#options.listen : addresses
  }

  /** The owner of the mesh's channel `nameserver`. */
  get gossiper(): NameGossiper {
    return this.names.gossiper
  }

  /** The owner of the mesh's channel `nameserver-records`. */
  get recordGossiper(): RecordGossiper {
    return this.names.recordGossiper
  }

  /** The channels on which to tell others; before this, nobody is told. */
  connect(channels: { readonly names: Channel; readonly records: Channel }): void {
    this.names.connect(channels)
  }

  /** Restores saved names and serves; rejects with `WeaveError` when an address cannot be had. */
  async start(): Promise<void> {
    this.names.start()
    const { resolvConf } = this.#options
    if (resolvConf !== undefined) {
      this.#resolv = new ResolvWatch(resolvConf, this.#modules.log, (servers) => this.#useUpstreams(servers))
      await this.#resolv.start()
    }
    try {
      this.#openFastServer()
      for (const address of this.#options.listen) await this.#listeners.open(address, this.#fast, 'last')
    } catch (thrown) {
      await this.stop()
      throw thrown
    }
  }

  /** Serves one more address, which containers are told from now on; rejects like `start`. */
  async listen(address: ListenAddress): Promise<void> {
    const { host, port } = address
    if (this.addresses.some((known) => known.host === host && known.port === port)) return
    await this.#listeners.open(address, this.#fast, 'first')
    this.#useUpstreams(this.#configured)
  }

  async stop(): Promise<void> {
    this.#resolv?.stop()
    this.#forwarder.stop()
    this.#ready = undefined
    this.#fast?.close()
    this.#fast = undefined
    await this.#listeners.close()
    await this.names.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** For watchers of containers: registers a name that lives as long as the container. */
  register(containerId: string, addr: Ip4, fqdn: string): void {
    void this.names.add({ fqdn, containerId, addr })
  }

  /** Takes back our names of a container, or only those of one of its addresses. */
  forget(containerId: string, addr?: Ip4): void {
    this.names.forget(addr === undefined ? { containerId } : { containerId, addr })
  }

  /** Looks for a changed resolv.conf now instead of within two seconds. */
  async reloadUpstreams(): Promise<void> {
    await this.#resolv?.check()
  }

  status(): DnsStatus {
    const entries = this.names.entries()
    const living = entries.filter((entry) => entry.tombstone === 0)
    return {
      domain: this.domain,
      upstream: this.#upstreams.servers,
      addresses: this.addresses.map(formatListenAddress),
      ttlSec: this.#options.ttlSec,
      entries,
      living: living.length,
      livingOurs: living.filter((entry) => entry.origin === this.#options.name).length,
      records: this.names.records
        .sets()
        .flatMap((set) => set.records.map((record) => ({ ...record, origin: set.origin }))),
      stats: this.#stats.snapshot(this.#fast?.counters()),
      cache: { entries: this.#cache.size, bytes: this.#cache.bytes },
      forwarding: this.#forwarder.counts,
    }
  }

  #openFastServer(): void {
    const { openFastServer } = this.#modules
    if (openFastServer === undefined) return
    const onRequest = (request: Uint8Array, reply: (bytes: Uint8Array) => void): void =>
      this.#responder.handle(request, 'udp', reply)
    this.#fast = openFastServer(onRequest, LATENCY_BUCKETS_SEC)
    const ready = new ReadyAnswers(this.#fast, this.#zone)
    this.#ready = ready
    this.names.onChange((changed) => ready.changed(changed))
  }

  #useUpstreams(servers: readonly string[]): void {
    this.#configured = servers
    const usable = servers.filter((server) => !this.#isOurs(server))
    this.#upstreams.set(usable)
    this.#cache.clear()
    this.#modules.log.info('upstream DNS servers', { servers: usable })
  }

  /** Asking ourselves would go in circles. */
  #isOurs(server: string): boolean {
    const port = this.#options.upstreamPort ?? DNS_PORT
    const hosts = this.addresses.filter((address) => address.port === port).map((address) => address.host)
    const anywhere = hosts.some((host) => host === '0.0.0.0' || host === '::')
    return hosts.includes(server) || (anywhere && localAddresses().includes(server))
  }
}

const localAddresses = (): string[] =>
  Object.values(networkInterfaces()).flatMap(
    (addresses) => addresses?.map((address) => address.address) ?? [],
  )
