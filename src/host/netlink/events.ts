import { type NetlinkWatch, netlinkAddon } from '../../native/netlink.ts'
import { asKernelError } from '../kernel-error.ts'
import { decodeMessages, type Reply } from './message.ts'

/** Calls back for each batch of messages of multicast groups; `undefined` when the kernel had to drop some. */
export class NetlinkEvents {
  readonly #watch: NetlinkWatch

  constructor(
    protocol: number,
    groups: readonly number[],
    onMessages: (messages: Reply[] | undefined) => void,
  ) {
    try {
      const fd = netlinkAddon().netlinkOpen(protocol, -1)
      this.#watch = netlinkAddon().netlinkWatch(fd, groups, (datagram) =>
        onMessages(datagram === null ? undefined : decodeMessages(datagram)),
      )
    } catch (error) {
      throw asKernelError('cannot watch for changes of the network', error)
    }
  }

  /** No callback comes after it; idempotent. */
  close(): void {
    netlinkAddon().netlinkUnwatch(this.#watch)
  }
}
