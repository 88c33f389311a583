import type { PeerName } from '../../src/lib/peer-name.ts'
import type {
  Overlay,
  OverlayConnection,
  OverlayEvents,
  OverlayParams,
  Routes,
} from '../../src/mesh/overlay.ts'

/** A data plane without packets: every connection works as soon as both meshes have confirmed it. */
export class MemoryOverlay implements Overlay {
  /** Connections that work now, newest last. */
  readonly live = new Map<OverlayConnection, OverlayParams>()
  readonly gone: PeerName[] = []
  /** Overlay control messages that arrived, whatever they say. */
  readonly controlled: { readonly tag: number; readonly payload: Uint8Array }[] = []
  routes: Routes | undefined
  #features: ReadonlyMap<string, string>

  constructor(features: ReadonlyMap<string, string> = new Map([['Overlays', 'sleeve']])) {
    this.#features = features
  }

  features(): ReadonlyMap<string, string> {
    return this.#features
  }

  prepare(params: OverlayParams, events: OverlayEvents): OverlayConnection {
    let open = true
    const connection: OverlayConnection = {
      confirm: () => {
        setImmediate(() => {
          if (!open) return
          this.live.set(connection, params)
          events.established()
        })
      },
      control: (tag, payload) => {
        this.controlled.push({ tag, payload })
      },
      stop: () => {
        open = false
        this.live.delete(connection)
      },
      attributes: () => ({ name: 'memory', ...(params.sessionKey === undefined ? {} : { encrypted: true }) }),
    }
    return connection
  }

  routesChanged(routes: Routes): void {
    this.routes = routes
  }

  shortIdsChanged(): void {
    // Nobody here sends packets by short id.
  }

  peerGone(name: PeerName): void {
    this.gone.push(name)
  }

  /** True when there is a working connection and a direct route to each of `peers` others. */
  isFullMesh(peers: number): boolean {
    // Before anything is gathered: benches ask a hundred overlays many times a second.
    if (this.live.size < peers) return false
    const neighbours = new Set([...this.live.values()].map((params) => params.remote))
    const unicast = this.routes?.unicast
    if (neighbours.size !== peers || unicast?.size !== peers) return false
    return [...unicast].every(([destination, via]) => destination === via)
  }
}
