import { connect, type Socket } from 'node:net'

/** What this program is asked to do, in its only argument. */
export interface ClientsOptions {
  readonly socket: string
  /** Requests one after the other over one connection, which are timed. */
  readonly sequential: number
  /** Connections, and requests that each sends, the next one when the last one is answered. */
  readonly clients: number
  readonly each: number
}

/** What it prints. */
export interface ClientsReport {
  readonly milliseconds: readonly number[]
  readonly perSecond: number
}

/**
 * Clients of the allocator in a process of their own, as commands and the plugin are; they speak just the HTTP that
 * this takes, so that their own work on the shared cores counts little.
 */
async function main(options: ClientsOptions): Promise<ClientsReport> {
  const milliseconds: number[] = []
  const one = await Client.open(options.socket)
  for (let i = 0; i < options.sequential; i++) {
    const began = performance.now()
    await one.allocate(`s${i}`)
    milliseconds.push(performance.now() - began)
  }
  one.close()

  const all = await Promise.all(Array.from({ length: options.clients }, () => Client.open(options.socket)))
  const began = performance.now()
  await Promise.all(
    all.map(async (client, k) => {
      for (let i = 0; i < options.each; i++) await client.allocate(`p${k}-${i}`)
    }),
  )
  const perSecond = (options.clients * options.each * 1000) / (performance.now() - began)
  for (const client of all) client.close()
  return { milliseconds, perSecond }
}

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

  async allocate(ident: string): Promise<void> {
    const response = await new Promise<string>((resolve) => {
      this.#answered = resolve
      this.#socket.write(`POST /ip/${ident} HTTP/1.1\r\nHost: weave\r\nContent-Length: 0\r\n\r\n`)
    })
    if (!response.startsWith('HTTP/1.1 200 ')) throw new Error(`${ident}: ${response}`)
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
