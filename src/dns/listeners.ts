import type { Log } from '../lib/log.ts'
import type { ListenAddress } from './listen-address.ts'
import type { FastServer } from './ready-answers.ts'
import type { Listener, OnRequest } from './server.ts'
import { listenTcp } from './tcp-server.ts'
import { cannotListen, listenUdp } from './udp-server.ts'

/** The sockets of a name server: UDP and TCP on each of its addresses. */
export class Listeners {
  readonly #onRequest: OnRequest
  readonly #log: Log
  #open: Listener[] = []
  #addresses: readonly ListenAddress[] = []

  constructor(onRequest: OnRequest, log: Log) {
    this.#onRequest = onRequest
    this.#log = log
  }

  /** Where we listen; port 0 was replaced by the one that the system chose. */
  get addresses(): readonly ListenAddress[] {
    return this.#addresses
  }

  /** Serves one more address, by UDP through `fast` where there is one; rejects with `WeaveError`. */
  async open(address: ListenAddress, fast: FastServer | undefined, place: 'first' | 'last'): Promise<void> {
    // A fast server's addresses are only closed together, so UDP has to come last.
    const tcp = await listenTcp(address, this.#onRequest, this.#log)
    try {
      if (fast === undefined) this.#open.push(await listenUdp(tcp.address, this.#onRequest, this.#log))
      else listenFast(fast, tcp.address)
    } catch (thrown) {
      await tcp.close()
      throw thrown
    }
    this.#open.push(tcp)
    this.#addresses =
      place === 'first' ? [tcp.address, ...this.#addresses] : [...this.#addresses, tcp.address]
  }

  async close(): Promise<void> {
    const open = this.#open
    this.#open = []
    this.#addresses = []
    await Promise.all(open.map((listener) => listener.close()))
  }
}

function listenFast(server: FastServer, { host, port }: ListenAddress): void {
  try {
    server.listen(host, port)
  } catch (cause) {
    throw cannotListen('udp', { host, port }, cause)
  }
}
