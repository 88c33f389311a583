import { WeaveError } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import { errnoOf, KernelError } from './kernel-error.ts'
import type { Links } from './links.ts'
import { createVeth, type Link, type LinkChange } from './netlink/link.ts'
import { Netns } from './netns.ts'
import { tunePort } from './sysctls.ts'

/** What veth pairs are made with. */
export interface VethModules {
  /** Links of the host's namespace. */
  readonly links: Links
  readonly log: Log
}

export function requireBridge(links: Links, bridge: string): Link {
  const link = links.byName(bridge)
  if (link === undefined) {
    throw new WeaveError('no-bridge', `bridge "${bridge}" not present; did you launch weave?`)
  }
  return link
}

/**
 * Makes a pair whose near end is a port of the bridge, still down; `far` may name another namespace.
 * Throws `KernelError` with errno EEXIST when either name is taken.
 */
export function createPort(
  { links, log }: VethModules,
  bridge: Link,
  near: LinkChange & { readonly ifname: string },
  far: LinkChange & { readonly ifname: string },
): Link {
  const what = `could not create veth pair ${near.ifname}-${far.ifname}`
  try {
    links.create(what, createVeth({ ...near, master: bridge.index }, far))
  } catch (error) {
    if (errnoOf(error) === 'EOPNOTSUPP') {
      throw new KernelError(what, 'EOPNOTSUPP', 'this kernel has no veth devices; load the module veth')
    }
    throw error
  }
  const port = links.byName(near.ifname)
  if (port === undefined) throw new KernelError(what, 'ENODEV')
  tunePort(Netns.host, port.name, log)
  return port
}
