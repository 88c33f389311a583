import { loadAddon } from './addon.ts'

declare const watchBrand: unique symbol

/** Keeps an event thread going until it is handed to `netlinkUnwatch`. */
export type NetlinkWatch = object & { readonly [watchBrand]: true }

/** Netlink primitives. Namespaces are descriptors; -1 is the host's own. Errors carry `code`, an errno name. */
interface NetlinkAddon {
  /** A new socket, bound for ever to the namespace; the caller closes the descriptor. */
  netlinkOpen(protocol: number, ns: number): number
  /** All replies to a batch, once `expected` of them were acknowledgements or ends of dumps. */
  netlinkRequest(fd: number, batch: Uint8Array, expected: number): Uint8Array
  /** The same on a thread of the pool; nothing else may use the descriptor meanwhile. */
  netlinkRequestLater(fd: number, batch: Uint8Array, expected: number): Promise<Uint8Array>
  /** Takes over the descriptor; null means that events were lost. */
  netlinkWatch(
    fd: number,
    groups: readonly number[],
    onDatagram: (datagram: Uint8Array | null) => void,
  ): NetlinkWatch
  netlinkUnwatch(watch: NetlinkWatch): void
  /** Entries and bytes of a legacy iptables table, null where the kernel has none. */
  legacyTableSize(table: string): readonly [entries: number, bytes: number] | null
}

export const netlinkAddon = (): NetlinkAddon => loadAddon<NetlinkAddon>()
