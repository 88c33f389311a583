import type { PeerName } from '../../src/lib/peer-name.ts'
import type {
  Overlay,
  OverlayConnection,
  OverlayEvents,
  OverlayParams,
  Routes,
} from '../../src/mesh/overlay.ts'

/** What the data plane of a simulated host needs to know of its world. */
export interface Underlay {
  /** Datagrams pass between this host and the other. */
  passes(remoteHost: string): boolean
  /** After this many ms of the host's own time. */
  later(ms: number, run: () => void): void
}

const ESTABLISH_AFTER = 20
const HEARTBEAT = 500
const SLOW_HEARTBEAT = 10_000
const TIMEOUT = 60_000

/** A data plane that establishes a connection as soon as datagrams pass, and misses them like sleeve does. */
export class SimOverlay implements Overlay {
  readonly #underlay: Underlay
  routes: Routes | undefined
  shortIds: ReadonlyMap<number, PeerName> = new Map()
  /** How often a peer was collected. */
  readonly timesGone = new Map<PeerName, number>()

  constructor(underlay: Underlay) {
    this.#underlay = underlay
  }

  features(): ReadonlyMap<string, string> {
    return new Map([['Overlays', 'sleeve']])
  }

  prepare(params: OverlayParams, events: OverlayEvents): OverlayConnection {
    const underlay = this.#underlay
    let alive = true
    let established = false
    let heard = 0
    const beat = (silence: number): void => {
      if (!alive) return
      const passes = underlay.passes(params.peer.host)
      heard = passes ? 0 : heard + silence
      if (passes && !established) {
        established = true
        events.established()
      }
      if (heard >= TIMEOUT) {
        alive = false
        events.failed(`no working forwarders to ${params.remoteNickname}`)
        return
      }
      const next = established ? SLOW_HEARTBEAT : HEARTBEAT
      underlay.later(next, () => beat(next))
    }
    return {
      confirm: () => underlay.later(ESTABLISH_AFTER, () => beat(0)),
      control: () => undefined,
      stop: () => {
        alive = false
      },
      attributes: () => ({ name: 'sleeve', mtu: 1438 }),
    }
  }

  routesChanged(routes: Routes): void {
    this.routes = routes
  }

  shortIdsChanged(table: ReadonlyMap<number, PeerName>): void {
    this.shortIds = table
  }

  peerGone(name: PeerName): void {
    this.timesGone.set(name, (this.timesGone.get(name) ?? 0) + 1)
  }
}
