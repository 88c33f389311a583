import { WeaveError } from '../lib/errors.ts'
import { errnoOf } from './kernel-error.ts'
import { endpointNames, oldEndpointName } from './names.ts'
import { Netns } from './netns.ts'
import { tunePort } from './sysctls.ts'
import type { Endpoint, EndpointOptions } from './types.ts'
import { createPort, requireBridge, type VethModules } from './veth.ts'

/** Makes the pair of a Docker endpoint, or takes over the one that an interrupted call left. */
export function createEndpoint(
  modules: VethModules,
  bridgeName: string,
  endpointId: string,
  options: EndpointOptions,
): Endpoint {
  const { links, log } = modules
  const names = endpointNames(endpointId)
  const bridge = requireBridge(links, bridgeName)
  const mtu = options.mtu ?? bridge.mtu
  const address = options.mac === undefined ? {} : { address: options.mac }
  try {
    createPort(modules, bridge, { ifname: names.host, mtu }, { ifname: names.guest, mtu, ...address })
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error
  }

  const host = links.byName(names.host)
  const guest = links.byName(names.guest)
  if (host === undefined || guest?.mac === undefined) {
    const message = `the interfaces ${names.host} and ${names.guest} of an endpoint exist, but not as a pair of this host; is the endpoint in use already?`
    throw new WeaveError('interface-clash', message)
  }
  for (const { name } of [host, guest]) tunePort(Netns.host, name, log)
  links.conform(host, { master: bridge.index, up: true })
  links.conform(guest, { ...address, mtu })
  return { ...names, mac: options.mac ?? guest.mac }
}

/** Removes the pair; idempotent, as it goes with its container as well. */
export async function deleteEndpoint({ links }: VethModules, endpointId: string): Promise<void> {
  for (const name of [endpointNames(endpointId).host, oldEndpointName(endpointId)]) {
    const link = links.byName(name)
    if (link !== undefined) await links.remove(link)
  }
}
