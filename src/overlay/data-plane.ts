import type { Clock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import { formatPeerName, type PeerName } from '../lib/peer-name.ts'
import type { Overlay, OverlayConnection, OverlayEvents, OverlayParams, Routes } from '../mesh/overlay.ts'
import { Connection } from './connection.ts'
import { Deadlines } from './deadlines.ts'
import { negotiate, OVERLAYS_FEATURE } from './negotiation.ts'
import type { SubConnection, SubOverlay, SubOverlayEvents } from './sub-overlay.ts'

export interface DataPlaneParts {
  readonly clock: Clock
  readonly log: Log
  /** In order of preference: `fastdp` before `sleeve`. */
  readonly overlays: readonly SubOverlay[]
}

/** The data plane of a host: the overlays it has, negotiated and chosen for each connection. */
export class DataPlane implements Overlay {
  readonly #parts: DataPlaneParts
  readonly #deadlines: Deadlines
  readonly #connections = new Map<Connection, PeerName>()

  constructor(parts: DataPlaneParts) {
    this.#parts = parts
    this.#deadlines = new Deadlines(parts.clock)
  }

  async start(): Promise<void> {
    for (const overlay of this.#parts.overlays) await overlay.start()
  }

  async stop(): Promise<void> {
    for (const connection of [...this.#connections.keys()]) connection.stop()
    this.#deadlines.stop()
    for (const overlay of this.#parts.overlays) await overlay.stop()
  }

  features(): ReadonlyMap<string, string> {
    const names = this.#parts.overlays.map(({ name }) => name).join(' ')
    const own = this.#parts.overlays.flatMap((overlay) => [...(overlay.features?.() ?? [])])
    return new Map([[OVERLAYS_FEATURE, names], ...own])
  }

  prepare(params: OverlayParams, events: OverlayEvents): OverlayConnection {
    const { clock, overlays } = this.#parts
    const negotiated = negotiate(
      overlays.map(({ name }) => name),
      params.features,
    )
    const label = `${formatPeerName(params.remote)}(${params.remoteNickname})`
    const log = this.#parts.log.child({
      peer: formatPeerName(params.remote),
      nickname: params.remoteNickname,
    })
    const connection = new Connection(
      { clock, log, negotiated, label, encrypted: params.sessionKey !== undefined },
      events,
      {
        rescheduled: () => this.#deadlines.reschedule(connection),
        stopped: () => {
          this.#connections.delete(connection)
          this.#deadlines.delete(connection)
        },
        using: (name, inUse) =>
          overlays.find((overlay) => overlay.name === name)?.using(params.remote, inUse),
      },
    )
    const names = negotiated.compat ? ['sleeve'] : negotiated.common
    for (const name of names) {
      connection.addSlot(name, (slotEvents) => this.#prepareSlot(name, params, slotEvents, log))
    }
    this.#connections.set(connection, params.remote)
    this.#deadlines.add(connection)
    return connection
  }

  /** The largest packet of a container that goes whole to each neighbour whose path has been measured. */
  pathMtus(): ReadonlyMap<PeerName, number> {
    const mtus = new Map<PeerName, number>()
    for (const [connection, remote] of this.#connections) {
      const mtu = connection.pathMtu()
      if (mtu !== undefined) mtus.set(remote, mtu)
    }
    return mtus
  }

  routesChanged(routes: Routes): void {
    for (const overlay of this.#parts.overlays) overlay.routesChanged(routes)
  }

  shortIdsChanged(table: ReadonlyMap<number, PeerName>): void {
    for (const overlay of this.#parts.overlays) overlay.shortIdsChanged(table)
  }

  peerGone(name: PeerName): void {
    for (const overlay of this.#parts.overlays) overlay.peerGone(name)
  }

  /** A slot that cannot be prepared stays empty; the indices of the others do not shift. */
  #prepareSlot(
    name: string,
    params: OverlayParams,
    events: SubOverlayEvents,
    log: Log,
  ): SubConnection | string {
    try {
      const overlay = this.#parts.overlays.find((candidate) => candidate.name === name)
      return overlay?.prepare(params, events) ?? `no overlay ${name}`
    } catch (thrown) {
      log.warn(
        `Unable to use ${name} for connection to ${formatPeerName(params.remote)}(${params.remoteNickname})`,
        {
          overlay: name,
          error: messageOf(thrown),
        },
      )
      return messageOf(thrown)
    }
  }
}
