import { bpfDoors } from '../../native/bpf/doors.ts'
import { SEALED_MARK } from '../../native/bpf/layout.ts'

/** Sockets that heartbeats leave through, for each address family one in clear and one to be sealed, opened at first use. */
export class ProbeSockets {
  readonly #open = new Map<string, number>()

  /** 0 or the errno. */
  send(address: string, port: number, bytes: Uint8Array, sealed: boolean): number {
    const socket = this.#socket(address.includes(':') ? 6 : 4, sealed ? SEALED_MARK : 0)
    return bpfDoors().udpProbeSend(socket, address, port, bytes)
  }

  close(): void {
    for (const socket of this.#open.values()) bpfDoors().bpfClose(socket)
    this.#open.clear()
  }

  #socket(family: 4 | 6, mark: number): number {
    const key = `${family} ${mark}`
    const socket = this.#open.get(key) ?? bpfDoors().udpProbeSocket(family, '', mark)
    this.#open.set(key, socket)
    return socket
  }
}
