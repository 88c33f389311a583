import type { Log } from '../lib/log.ts'
import type { Links } from './links.ts'
import { isOurs } from './names.ts'
import type { Link } from './netlink/link.ts'
import { removeOvsDatapath } from './ovs.ts'

/** The devices of ours and of older versions, the bridge last: a container keeps its network as long as it can. */
export function ourLinks(links: Links, bridgeName: string, vxlanPort: number): Link[] {
  const all = links.all()
  const isBridge = ({ name }: Link): boolean => name === bridgeName
  const isVxlan = ({ name, kind }: Link): boolean => name === `vxlan-${vxlanPort}` && kind === 'vxlan'
  return [...all.filter((link) => isOurs(link.name) || isVxlan(link)), ...all.filter(isBridge)]
}

/** Removes all devices of ours from the host, also those that an older version with Open vSwitch left. */
export async function removeLinks(
  links: Links,
  bridgeName: string,
  vxlanPort: number,
  log: Log,
): Promise<void> {
  for (const name of ['datapath', bridgeName]) {
    if (links.byName(name)?.kind === 'openvswitch') removeOvsDatapath(name)
  }
  const removed: string[] = []
  for (const link of ourLinks(links, bridgeName, vxlanPort)) {
    await links.remove(link)
    removed.push(link.name)
  }
  if (removed.length > 0) log.info('network devices removed', { devices: removed.join(' ') })
}
