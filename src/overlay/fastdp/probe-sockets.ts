import { bpfDoors } from '../../native/bpf/doors.ts'

/** Sockets that heartbeats leave through, one for each address family, opened at first use. */
export class ProbeSockets {
  readonly #open = new Map<4 | 6, number>()

  /** 0 or the errno. */
  send(address: string, port: number, bytes: Uint8Array): number {
    return bpfDoors().udpProbeSend(this.#socket(address.includes(':') ? 6 : 4), address, port, bytes)
  }

  close(): void {
    for (const socket of this.#open.values()) bpfDoors().bpfClose(socket)
    this.#open.clear()
  }

  #socket(family: 4 | 6): number {
    const socket = this.#open.get(family) ?? bpfDoors().udpProbeSocket(family, '')
    this.#open.set(family, socket)
    return socket
  }
}
