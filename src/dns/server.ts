import type { ListenAddress } from './listen-address.ts'
import type { Transport } from './upstream-socket.ts'

/** A request and the way back to who sent it. Replies may come later, or never. */
export type OnRequest = (
  request: Uint8Array,
  transport: Transport,
  reply: (bytes: Uint8Array) => void,
) => void

/** A listening socket. */
export interface Listener {
  /** With the port that the system chose when 0 was asked for. */
  readonly address: ListenAddress
  close(): Promise<void>
}
