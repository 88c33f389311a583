import type { Config } from '../config/options.ts'
import type { Host } from '../host/host.ts'
import { systemClock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { Engine } from '../native/engine.ts'
import { DataPlane } from '../overlay/data-plane.ts'
import { SleeveOverlay } from '../overlay/sleeve-overlay.ts'

/** Fits underlays of 1460 bytes with every overhead that an overlay adds (overlay §1). */
export const DEFAULT_MTU = 1376

/** The engine's device on the bridge. */
export const SLEEVE_TAP = 'weave-sleeve'

/** The overlays of this host. */
export interface DataPath {
  readonly plane: DataPlane
  readonly sleeve: SleeveOverlay
  /** For the report: which device frames are taken from, and how. */
  readonly description: string
}

export const containerMtu = (config: Config): number => (config.mtu === 0 ? DEFAULT_MTU : config.mtu)

/** Builds the overlays; nothing runs before `plane.start()`. */
export function buildDataPath(
  modules: { readonly log: Log; readonly host: Host },
  config: Config,
  self: PeerName,
): DataPath {
  const { log, host } = modules
  const mtu = containerMtu(config)
  const sleeve = new SleeveOverlay(
    {
      clock: systemClock,
      log,
      openEngine: (onEvents) =>
        new Engine(
          { self, tap: SLEEVE_TAP, mtu, localMtu: mtu, host: config.host, port: config.port },
          onEvents,
        ),
      attach: () => host.ensureBridgePort(SLEEVE_TAP),
    },
    self,
  )
  const plane = new DataPlane({ clock: systemClock, log, overlays: [sleeve] })
  return { plane, sleeve, description: `${SLEEVE_TAP} (via TAP)` }
}
