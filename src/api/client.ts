import { request } from 'node:http'
import { WeaveError } from '../lib/errors.ts'
import { formatListenAddress, type ListenAddress } from './listen-address.ts'

export interface ClientRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  /** Sent as query of GET and DELETE, as form of POST and PUT. */
  readonly form?: URLSearchParams
  readonly json?: unknown
  readonly accept?: string
  readonly signal?: AbortSignal
}

export interface ClientReply {
  readonly status: number
  readonly body: string
}

/** Nobody answers there: the daemon is down. */
export class Unreachable extends WeaveError<'unreachable'> {
  constructor(address: ListenAddress, cause: unknown) {
    super('unreachable', `no answer from the weave daemon on ${formatListenAddress(address)}`, { cause })
    this.name = 'Unreachable'
  }
}

/** Talks to the daemon's control API over its Unix socket or TCP. Bodies are texts of at most a few megabytes. */
export class ApiClient {
  readonly #address: ListenAddress

  constructor(address: ListenAddress) {
    this.#address = address
  }

  /** Any status is an answer; throws `Unreachable` when there is none. */
  send(call: ClientRequest): Promise<ClientReply> {
    const { target, body, type } = encode(call)
    const where =
      this.#address.kind === 'unix'
        ? { socketPath: this.#address.path }
        : { host: this.#address.host, port: this.#address.port }
    const headers: Record<string, string> = { host: 'localhost' }
    if (call.accept !== undefined) headers['accept'] = call.accept
    if (body !== undefined) {
      headers['content-type'] = type
      headers['content-length'] = String(Buffer.byteLength(body))
    }

    return new Promise((resolve, reject) => {
      const fail = (cause: unknown): void => reject(new Unreachable(this.#address, cause))
      const sent = request(
        { ...where, method: call.method, path: target, headers, ...(call.signal && { signal: call.signal }) },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.once('error', fail)
          response.once('end', () =>
            resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
          )
        },
      )
      sent.once('error', fail)
      sent.end(body)
    })
  }
}

function encode(call: ClientRequest): { target: string; body: string | undefined; type: string } {
  const form = call.form?.toString() ?? ''
  if (call.json !== undefined) {
    return { target: call.path, body: JSON.stringify(call.json), type: 'application/json' }
  }
  if (call.method === 'GET' || call.method === 'DELETE') {
    return { target: form === '' ? call.path : `${call.path}?${form}`, body: undefined, type: '' }
  }
  return { target: call.path, body: form, type: 'application/x-www-form-urlencoded' }
}
