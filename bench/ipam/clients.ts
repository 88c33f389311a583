import { connect, type Socket } from 'node:net'

/** What this program is asked to do, in its only argument. */
export interface ClientsOptions {
  /** Of a daemon. */
  readonly socket: string
  readonly clients: readonly Asked[]
}

/** What one client asks for: addresses, one after the other, for idents as long as Docker's. */
export interface Asked {
  readonly prefix: string
  readonly count: number
  /** Each from another subnet: `10.40` for 10.40.0.0/24, 10.40.1.0/24… */
  readonly subnets?: string
}

/** What it prints. */
export interface ClientsReport {
  /** Of each request of the first client. */
  readonly milliseconds: readonly number[]
  readonly perSecond: number
}

/**
 * Clients of the allocator in a process of their own, as commands and the plugin are. They speak just the HTTP that
 * this takes, so that their own work on the shared cores counts little.
 */
async function main({ socket, clients: asked }: ClientsOptions): Promise<ClientsReport> {
  const clients = await Promise.all(asked.map(() => Client.open(socket)))
  const milliseconds: number[] = []
  const began = performance.now()
  await Promise.all(
    clients.map(async (client, index) => {
      for (const path of pathsOf(asked[index])) {
        const sent = performance.now()
        await client.post(path)
        if (index === 0) milliseconds.push(performance.now() - sent)
      }
    }),
  )
  const count = asked.reduce((sum, one) => sum + one.count, 0)
  const perSecond = (count * 1000) / (performance.now() - began)
  for (const client of clients) client.close()
  return { milliseconds, perSecond }
}

const pathsOf = (asked: Asked | undefined): string[] =>
  Array.from({ length: asked?.count ?? 0 }, (_, i) => {
    const ident = `/ip/${`${asked?.prefix}-${i}-`.padEnd(64, 'f')}`
    return asked?.subnets === undefined ? ident : `${ident}/${asked.subnets}.${i}.0/24`
  })

class Client {
  readonly #socket: Socket
  #received = ''
  #answered: (response: string) => void = () => undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      this.#received += text
      const end = lengthOf(this.#received)
      if (end === undefined || this.#received.length < end) return
      const response = this.#received
      this.#received = ''
      this.#answered(response)
    })
  }

  static async open(path: string): Promise<Client> {
    const socket = connect(path)
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return new Client(socket)
  }

  /** Throws unless it is answered with an address. */
  async post(path: string): Promise<void> {
    const response = await new Promise<string>((resolve) => {
      this.#answered = resolve
      this.#socket.write(`POST ${path} HTTP/1.1\r\nHost: weave\r\nContent-Length: 0\r\n\r\n`)
    })
    if (!/^HTTP\/1\.1 200 [\s\S]*\r\n\r\n\d+\./.test(response)) throw new Error(`${path}: ${response}`)
  }

  close(): void {
    this.#socket.destroy()
  }
}

/** Characters of the first response in the text; undefined until its head is complete. */
function lengthOf(text: string): number | undefined {
  const head = text.indexOf('\r\n\r\n')
  if (head < 0) return undefined
  return head + 4 + Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0)
}

console.log(JSON.stringify(await main(JSON.parse(process.argv[2] ?? '') as ClientsOptions)))
