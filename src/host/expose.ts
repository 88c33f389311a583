import { type Cidr, formatCidr } from '../lib/ip4.ts'
import { announce } from './attach.ts'
import { addAddressStep, type Links, removeAddressStep } from './links.ts'
import { Netns } from './netns.ts'
import type { Exposed } from './types.ts'
import { requireBridge } from './veth.ts'

/**
 * Marks an address of the bridge that must not be masqueraded. It stays in the kernel beside the address, so that
 * neither a restart nor a lost state file makes us forget it.
 */
const NO_MASQUERADE = 'weave:nomasq'

/** The addresses of the bridge, each with what was asked for it. */
export function exposedAddresses(links: Links, bridgeName: string): Exposed[] {
  const bridge = links.byName(bridgeName)
  if (bridge === undefined) return []
  const addresses = links.addresses(bridge.index)
  return addresses.map(({ cidr, label }) => ({ cidr, masquerade: label !== NO_MASQUERADE }))
}

/** Gives the bridge an address and tells the neighbours; idempotent. */
export function exposeAddress(links: Links, bridgeName: string, wanted: Exposed): void {
  const bridge = requireBridge(links, bridgeName)
  const { cidr, masquerade } = wanted
  const present = exposedAddresses(links, bridgeName).find((one) => one.cidr.addr === cidr.addr)
  const add = addAddressStep(bridge, cidr, masquerade ? undefined : NO_MASQUERADE)

  if (present === undefined) links.run([add])
  // A label cannot be changed, only be given at birth.
  else if (present.masquerade !== masquerade) links.run([removeAddressStep(bridge, present.cidr), add])
  announce(Netns.host, bridge, [cidr])
}

/** Takes an address from the bridge; false when it had none such. */
export function hideAddress(links: Links, bridgeName: string, cidr: Cidr): boolean {
  const bridge = links.byName(bridgeName)
  if (bridge === undefined) return false
  const present = links.addresses(bridge.index).find((one) => formatCidr(one.cidr) === formatCidr(cidr))
  if (present === undefined) return false
  links.run([removeAddressStep(bridge, present.cidr)])
  return true
}
