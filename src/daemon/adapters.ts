import type { ContainerAddresses } from '../docker/attach.ts'
import type { RecordStore } from '../docker/plugin/records.ts'
import type { AddressPool } from '../docker/ports.ts'
import { WeaveError } from '../lib/errors.ts'
import { parseCidr } from '../lib/ip4.ts'
import type { Store, Stored } from '../state/store.ts'

/** What the original's script says in the same case (cli §1.13). */
const IPAM_DISABLED = "IP address allocation must be enabled to use 'net:'"

const disabled = async (): Promise<never> => {
  throw new WeaveError('ipam-disabled', IPAM_DISABLED)
}

/** Without IPAM there is no subnet to choose from; addresses that are named are nobody's business. */
export const noContainerAddresses: ContainerAddresses = {
  defaultSubnet: parseCidr('0.0.0.0/0'),
  allocate: disabled,
  claim: async () => undefined,
  lookup: async () => [],
  free: async () => false,
}

/** Docker's plugin without IPAM: containers get addresses of another IPAM driver. */
export const noAddressPool: AddressPool = {
  defaultSubnet: parseCidr('0.0.0.0/0'),
  allocate: disabled,
  claim: async () => undefined,
  free: async () => false,
  status: () => 'disabled',
}

/** One table of the state as the plugin's records. */
export function recordStore(store: Store, table: string): RecordStore {
  return {
    load: () => store.entries(table),
    // Only the plugin's records come this way, and they are JSON by design.
    put: (key, value) => store.commit([{ table, key, value: value as Stored }]),
    delete: (key) => store.commit([{ table, key, value: undefined }]),
  }
}
