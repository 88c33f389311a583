import type { KernelSwitch } from '../../native/bpf/switch.ts'
import { addressText } from './address.ts'

type HopTables = Pick<KernelSwitch, 'directHops' | 'setHop' | 'sources' | 'removeSource'>

/**
 * Cuts off, in both directions, the neighbours by VXLAN whose address is not `allowed`. Gives the number of peers that
 * are out of reach by it.
 */
export function closeHops(kernel: HopTables, allowed: (address: string) => boolean): number {
  const refused = [...kernel.directHops()].filter(([, address]) => !allowed(addressText(address)))
  for (const [id] of refused) kernel.setHop(id, undefined)
  for (const source of kernel.sources()) if (!allowed(addressText(source))) kernel.removeSource(source)
  return refused.length
}
