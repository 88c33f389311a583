import { KernelError } from './kernel-error.ts'
import type { Links } from './links.ts'
import { createLink, createVeth, type Link } from './netlink/link.ts'
import { vxlanData } from './netlink/vxlan.ts'
import { Netns } from './netns.ts'
import { tunePort } from './sysctls.ts'
import { requireBridge, type VethModules } from './veth.ts'

/** The bridge's end of the pair towards the datapath. */
export const DATAPATH_PORT = 'vethwe-bridge'
export const DATAPATH_END = 'vethwe-datapath'

/** The pair between bridge and datapath. */
export interface DatapathPair {
  readonly bridgeEnd: number
  readonly datapathEnd: number
}

/** Makes the pair that joins the bridge to the datapath, or adopts it; answers the indexes. */
export function ensureDatapathPair(
  { links, log }: VethModules,
  bridgeName: string,
  mtu: number,
): DatapathPair {
  const bridge = requireBridge(links, bridgeName)
  if (links.byName(DATAPATH_PORT) === undefined) {
    const what = `could not create veth pair ${DATAPATH_PORT}-${DATAPATH_END}`
    links.create(what, createVeth({ ifname: DATAPATH_PORT, mtu }, { ifname: DATAPATH_END, mtu }))
  }
  const near = required(links, DATAPATH_PORT)
  const far = required(links, DATAPATH_END)
  for (const { name } of [near, far]) tunePort(Netns.host, name, log)
  links.conform(near, { master: bridge.index, mtu, up: true })
  links.conform(far, { mtu, up: true })
  return { bridgeEnd: near.index, datapathEnd: far.index }
}

/** A VXLAN device that takes tunnel and peer from each packet's metadata; answers its index. */
export function ensureVxlan(
  { links, log }: VethModules,
  options: { readonly port: number; readonly mtu: number },
): number {
  const name = `vxlan-${options.port}`
  const existing = links.byName(name)
  // What another program, e.g. the original's Open vSwitch, left under this name cannot be told to change.
  if (existing !== undefined && existing.kind !== 'vxlan') {
    throw new KernelError(
      `cannot create ${name}`,
      'EEXIST',
      `there is another device of that name (${existing.kind ?? 'hardware'})`,
    )
  }
  if (existing === undefined) {
    const what = `cannot create ${name} (is UDP port ${options.port} in use?)`
    links.create(what, createLink('vxlan', { ifname: name, mtu: options.mtu }, vxlanData(options.port)))
  }
  const link = required(links, name)
  tunePort(Netns.host, name, log)
  links.conform(link, { mtu: options.mtu, up: true })
  return link.index
}

/** Takes the pair and the VXLAN device away, where they are and of our kind. */
export async function removeDatapath(links: Links, port: number): Promise<void> {
  for (const name of [DATAPATH_PORT, `vxlan-${port}`]) {
    const link = links.byName(name)
    if (link?.kind === 'veth' || link?.kind === 'vxlan') await links.remove(link)
  }
}

function required(links: Links, name: string): Link {
  const link = links.byName(name)
  if (link === undefined) throw new KernelError(`cannot set up ${name}`, 'ENODEV')
  return link
}
