import { request } from 'node:http'
import { ApiClient, type ClientReply, Unreachable } from '../../api/client.ts'
import { CommandFailure, ExitStatus } from '../io.ts'

/** The few calls that commands make to this host's Docker. */
export class DockerApi {
  readonly #socket: string
  readonly #client: ApiClient

  /** `address`: `--docker-api` or `DOCKER_HOST`; only a Unix socket is this host's own. */
  constructor(address: string) {
    const path = address.replace(/^unix:\/\//, '')
    if (!path.startsWith('/')) {
      throw new CommandFailure(
        ExitStatus.failure,
        `${address} is no Unix socket: weave runs in a container of this host's own Docker only`,
      )
    }
    this.#socket = path
    this.#client = new ApiClient({ kind: 'unix', path })
  }

  get socket(): string {
    return this.#socket
  }

  /** Any status is an answer, but for those from 400 on that are not in `expected`. */
  async call(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    options: { readonly json?: unknown; readonly expected?: readonly number[] } = {},
  ): Promise<ClientReply> {
    const { json, expected = [] } = options
    const reply = await this.#client
      .send({ method, path, ...(json !== undefined && { json }) })
      .catch((thrown) => {
        if (!(thrown instanceof Unreachable)) throw thrown
        throw new CommandFailure(
          ExitStatus.failure,
          `Docker does not answer on ${this.#socket}; is dockerd running?`,
        )
      })
    if (reply.status < 400 || expected.includes(reply.status)) return reply
    throw new CommandFailure(ExitStatus.failure, `Docker refuses ${method} ${path}: ${messageIn(reply.body)}`)
  }

  /** What a container prints; with `follow` until it ends. */
  async log(container: string, follow: boolean, out: (text: string) => void): Promise<void> {
    const path = `/containers/${container}/logs?stdout=1&stderr=1&follow=${follow ? 1 : 0}`
    const frames = new LogFrames()
    await new Promise<void>((resolve, reject) => {
      const sent = request({ socketPath: this.#socket, path, headers: { host: 'localhost' } }, (response) => {
        if (response.statusCode !== 200) {
          response.resume()
          reject(new CommandFailure(ExitStatus.failure, `Docker has no log of the container ${container}`))
          return
        }
        response.on('data', (chunk: Buffer) => out(frames.text(chunk)))
        response.once('end', resolve)
        response.once('error', reject)
      })
      sent.once('error', reject)
      sent.end()
    })
  }
}

const HEADER_BYTES = 8
const LENGTH_AT = 4

/** Docker sends what a container without a terminal prints in frames: stream, three zeros, length, bytes. */
export class LogFrames {
  #rest: Buffer = Buffer.alloc(0)

  /** The text of all frames that are complete by now. */
  text(chunk: Buffer): string {
    this.#rest = Buffer.concat([this.#rest, chunk])
    const texts: Buffer[] = []
    while (this.#rest.length >= HEADER_BYTES) {
      const end = HEADER_BYTES + this.#rest.readUInt32BE(LENGTH_AT)
      if (this.#rest.length < end) break
      texts.push(this.#rest.subarray(HEADER_BYTES, end))
      this.#rest = this.#rest.subarray(end)
    }
    return Buffer.concat(texts).toString()
  }
}

function messageIn(body: string): string {
  try {
    return (JSON.parse(body) as { readonly message: string }).message
  } catch {
    return body.trim()
  }
}
