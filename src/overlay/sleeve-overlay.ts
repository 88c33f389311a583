import { readFileSync } from 'node:fs'
import type { Clock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import { formatMac } from '../lib/mac.ts'
import { formatPeerName, type PeerName } from '../lib/peer-name.ts'
import type { OverlayParams, Routes } from '../mesh/overlay.ts'
import type { Engine, EngineEvent, LinkCounters, LinkId, MacEntry } from '../native/engine.ts'
import { ForwardingTables } from './forwarding-tables.ts'
import { REKEY_DEFAULTS, type RekeyLimits } from './rekey.ts'
import { CIPHERS_FEATURE, type Cipher, ciphersOf } from './sleeve-ciphers.ts'
import { SleeveConnection } from './sleeve-connection.ts'
import type { SubConnection, SubOverlay, SubOverlayEvents } from './sub-overlay.ts'

/** Opens the packet engine; a fresh one replaces an engine that had to end. */
export type OpenEngine = (onEvents: (events: readonly EngineEvent[]) => void) => Engine

export interface SleeveParts {
  readonly clock: Clock
  readonly log: Log
  readonly openEngine: OpenEngine
  /** Makes the new TAP device a port of the bridge. */
  readonly attach: (tapIndex: number) => Promise<void>
  /** What to offer peers of our own; default: what this processor does well. */
  readonly ciphers?: readonly Cipher[]
  readonly rekey?: RekeyLimits
}

const RESTART_FIRST = 1_000
const RESTART_LAST = 60_000

/** Sleeve for all connections: one engine, a link in it for each confirmed connection, the tables that steer it. */
export class SleeveOverlay implements SubOverlay {
  readonly name = 'sleeve'
  readonly #parts: SleeveParts
  readonly #tables: ForwardingTables
  readonly #ciphers: readonly Cipher[]
  readonly #connections = new Map<LinkId, SleeveConnection>()
  #engine: Engine | undefined
  #restart: NodeJS.Timeout | undefined
  #restartDelay = RESTART_FIRST
  #started = false

  constructor(parts: SleeveParts, self: PeerName) {
    this.#parts = parts
    this.#ciphers = parts.ciphers ?? ciphersOf(readFileSync('/proc/cpuinfo', 'utf8'))
    this.#tables = new ForwardingTables(self, (tables) => this.#engine?.setTables(tables))
  }

  features(): ReadonlyMap<string, string> {
    return new Map([[CIPHERS_FEATURE, this.#ciphers.join(' ')]])
  }

  /** Creates the device and binds the port; throws what the engine says when that fails. */
  async start(): Promise<void> {
    if (this.#started) return
    this.#started = true
    await this.#open()
  }

  async stop(): Promise<void> {
    this.#started = false
    clearTimeout(this.#restart)
    for (const connection of [...this.#connections.values()]) connection.stop()
    this.#tables.stop()
    this.#engine?.stop()
    this.#engine = undefined
  }

  prepare(params: OverlayParams, events: SubOverlayEvents): SubConnection {
    const engine = this.#engine
    if (engine === undefined) throw new Error('the packet engine is not running')
    const connection = new SleeveConnection(
      {
        clock: this.#parts.clock,
        log: this.#parts.log,
        engine,
        ciphers: this.#ciphers,
        rekey: this.#parts.rekey ?? REKEY_DEFAULTS,
      },
      params,
      events,
      {
        confirmed: () => this.#tables.setNeighbour(params.remote, connection.link),
        stopped: () => {
          this.#connections.delete(connection.link)
          this.#tables.removeNeighbour(params.remote, connection.link)
        },
      },
    )
    this.#connections.set(connection.link, connection)
    return connection
  }

  routesChanged(routes: Routes): void {
    this.#tables.setRoutes(routes)
  }

  shortIdsChanged(table: ReadonlyMap<number, PeerName>): void {
    this.#tables.setShortIds(table)
  }

  /** The switch in the kernel decides, and frames on the TAP carry short ids. */
  setPunt(punt: boolean): void {
    this.#tables.setPunt(punt)
  }

  peerGone(name: PeerName): void {
    this.#engine?.forgetPeer(name)
  }

  using(): void {
    // Sleeve takes frames whenever the switch hands them over: nothing to prepare.
  }

  setLocalMtu(mtu: number): void {
    this.#engine?.setLocalMtu(mtu)
  }

  macs(): readonly MacEntry[] {
    return this.#engine?.macs() ?? []
  }

  counters(): ReadonlyMap<string, number> {
    return this.#engine?.counters() ?? new Map<string, number>()
  }

  linkCounters(): ReadonlyMap<PeerName, LinkCounters> {
    const counters = new Map<PeerName, LinkCounters>()
    for (const [link, connection] of this.#connections) {
      if (this.#engine !== undefined) counters.set(connection.remote, this.#engine.linkCounters(link))
    }
    return counters
  }

  async #open(): Promise<void> {
    const engine = this.#parts.openEngine((events) => {
      if (this.#engine === engine) for (const event of events) this.#handle(event)
    })
    this.#engine = engine
    this.#parts.log.debug('sleeve packet engine started', engine.offloads)
    this.#tables.apply()
    try {
      await this.#parts.attach(engine.tapIndex)
    } catch (thrown) {
      engine.stop()
      this.#engine = undefined
      throw thrown
    }
    this.#restartDelay = RESTART_FIRST
  }

  #handle(event: EngineEvent): void {
    switch (event.kind) {
      case 'special':
        this.#connections.get(event.link)?.special(event)
        return
      case 'too-big':
      case 'send-failed':
      case 'undecryptable':
        this.#connections.get(event.link)?.trouble(event.kind, event.errno)
        return
      case 'mac':
        this.#logMac(event)
        return
      case 'stopped':
        this.#engineEnded(event.errno)
    }
  }

  #logMac({ mac, peer, moved }: EngineEvent & { readonly kind: 'mac' }): void {
    const fields = { mac: formatMac(mac), peer: formatPeerName(peer) }
    const remote = peer !== this.#tables.self
    if (remote)
      this.#parts.log.info(`Discovered remote MAC ${fields.mac} at ${fields.peer}`, { ...fields, moved })
    else this.#parts.log.debug(`Discovered local MAC ${fields.mac}`, { ...fields, moved })
  }

  /** A new engine would use sequence numbers again under the same keys: all connections must be made anew. */
  #engineEnded(errno: number): void {
    this.#parts.log.error('the packet engine ended, it is started again', { errno })
    const connections = [...this.#connections.values()]
    this.#engine?.stop()
    this.#engine = undefined
    for (const connection of connections) connection.fail('the packet engine was restarted')
    this.#reopenLater()
  }

  #reopenLater(): void {
    clearTimeout(this.#restart)
    this.#restart = setTimeout(() => {
      this.#open().catch((thrown: unknown) => {
        this.#parts.log.error('the packet engine does not start', { error: String(thrown) })
        this.#reopenLater()
      })
    }, this.#restartDelay)
    this.#restartDelay = Math.min(this.#restartDelay * 2, RESTART_LAST)
  }
}
