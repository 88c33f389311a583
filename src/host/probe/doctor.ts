import { messageOf } from '../../lib/errors.ts'
import { withLinks } from '../links.ts'
import { Netns } from '../netns.ts'
import type { Finding } from './finding.ts'
import { probeFirewall } from './firewall.ts'
import { probeKernel } from './kernel.ts'
import { probeNetwork } from './network.ts'

export interface DoctorOptions {
  readonly bridge: string
  /** Mesh port. */
  readonly port: number
}

/** Looks at everything on this host that weave depends on; changes nothing and never throws. */
export async function examineHost({ bridge, port }: DoctorOptions): Promise<Finding[]> {
  return [
    ...probeKernel(),
    ...(await orFailure('firewall', () => probeFirewall(bridge, port))),
    ...(await orFailure('network', () => withLinks(Netns.host, (links) => probeNetwork(links, bridge)))),
  ]
}

async function orFailure(group: 'firewall' | 'network', look: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await look()
  } catch (error) {
    const outcome = { state: 'unknown', reason: messageOf(error) } as const
    return [
      { id: group, group, title: `the ${group} of this host`, without: 'trouble cannot be seen', outcome },
    ]
  }
}
