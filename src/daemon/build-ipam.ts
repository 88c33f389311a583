import type { Config } from '../config/options.ts'
import type { EngineApi } from '../docker/engine/engine.ts'
import type { Host } from '../host/host.ts'
import { quorumFor } from '../ipam/bootstrap.ts'
import { parseIpamFlags } from '../ipam/init.ts'
import { Ipam, type PreClaim } from '../ipam/ipam.ts'
import { StoredIpamState } from '../ipam/stored-state.ts'
import { systemClock } from '../lib/clock.ts'
import type { Log } from '../lib/log.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { systemRng } from '../lib/rng.ts'
import type { MeshRouter } from '../mesh/router.ts'
import type { Store } from '../state/store.ts'

/** Owner of the bridge's own addresses. */
export const EXPOSE_IDENT = 'weave:expose'

/** The allocator, or undefined when `--ipalloc-range` is empty. */
export function buildIpam(
  modules: { readonly log: Log; readonly store: Store; readonly router: MeshRouter },
  config: Config,
  peer: {
    readonly name: PeerName
    readonly isKnown: (name: PeerName) => boolean
    /** Undefined on a host without Docker. */
    readonly engine: EngineApi | undefined
  },
): Ipam | undefined {
  const settings = parseIpamFlags({
    range: config.ipallocRange,
    defaultSubnet: config.ipallocDefaultSubnet,
    init: config.ipallocInit,
  })
  if (settings === undefined) return undefined
  const { log, store, router } = modules
  const { engine } = peer
  return new Ipam(
    {
      clock: systemClock,
      rng: systemRng,
      log: log.child({ part: 'ipam' }),
      store: new StoredIpamState(store),
      isKnown: peer.isKnown,
      ...(engine !== undefined && {
        isRunning: async (ident: string) => (await engine.container(ident))?.running === true,
      }),
    },
    {
      name: peer.name,
      nickname: config.nickname,
      uid: router.status().uid,
      ...settings,
      reclaim:
        config.ipallocReclaim === 'auto'
          ? { leaseTime: config.ipallocLeaseTime, holdTime: config.ipallocHoldTime }
          : undefined,
      quorum: () => quorumFor(settings.init, router.initialPeers()),
    },
  )
}

/** Addresses that the host has on the bridge since before the daemon was started. */
export async function exposedClaims(host: Host): Promise<PreClaim[]> {
  return (await host.exposed()).map(({ cidr }) => ({ ident: EXPOSE_IDENT, cidr, isContainer: false }))
}
