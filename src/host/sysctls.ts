import type { Log } from '../lib/log.ts'
import { errnoName } from './kernel-error.ts'
import type { Netns } from './netns.ts'

/** Addresses move between hosts: stale neighbours must be noticed within seconds (overlay §7.3, §8.1). */
const arpSettings = (ifname: string): Record<string, number> => ({
  [`ipv4/neigh/${ifname}/base_reachable_time`]: 5,
  [`ipv4/neigh/${ifname}/delay_first_probe_time`]: 2,
  [`ipv4/neigh/${ifname}/ucast_solicit`]: 1,
})

/** A container must not become anyone's IPv6 router by announcing itself (CVE-2020-11091). */
const noRouterAdvertisements = (ifname: string): Record<string, number> => ({
  [`ipv6/conf/${ifname}/accept_ra`]: 0,
})

function write(ns: Netns, values: Record<string, number>, log: Log): void {
  for (const { name, errno } of ns.writeSysctls(values)) {
    log.warn('cannot change a kernel setting', {
      setting: `net/${name}`,
      namespace: ns.path,
      reason: errnoName(errno),
    })
  }
}

/** For the interface that carries addresses: the bridge, or a container's. */
export const tuneInterface = (ns: Netns, ifname: string, log: Log): void =>
  write(ns, { ...arpSettings(ifname), ...noRouterAdvertisements(ifname) }, log)

/** For ports of the bridge, before they come up. */
export const tunePort = (ns: Netns, ifname: string, log: Log): void =>
  write(ns, noRouterAdvertisements(ifname), log)
