import { type IncomingMessage, request } from 'node:http'
import { WeaveError } from '../lib/errors.ts'
import { formatListenAddress, type ListenAddress } from './listen-address.ts'
import { DETAIL_HEADER } from './route.ts'

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
  /** What the daemon has to say beside the body. */
  readonly detail?: string
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
  async send(call: ClientRequest): Promise<ClientReply> {
    const response = await this.#open(call)
    const chunks: Buffer[] = []
    try {
      for await (const chunk of response) chunks.push(chunk as Buffer)
    } catch (thrown) {
      throw new Unreachable(this.#address, thrown)
    }
    const detail = response.headers[DETAIL_HEADER]
    return {
      status: response.statusCode ?? 0,
      body: Buffer.concat(chunks).toString(),
      ...(typeof detail === 'string' && { detail: decodeURI(detail) }),
    }
  }

  /** Data of server-sent events as they come; ends when the daemon does. Throws `Unreachable` when there is none. */
  async *events(path: string, signal: AbortSignal): AsyncGenerator<string, void, undefined> {
    const response = await this.#open({ method: 'GET', path, signal })
    let rest = ''
    try {
      for await (const chunk of response.setEncoding('utf8')) {
        const lines = `${rest}${chunk as string}`.split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) if (line.startsWith('data: ')) yield line.slice('data: '.length)
      }
    } catch (thrown) {
      throw new Unreachable(this.#address, thrown)
    }
  }

  #open(call: ClientRequest): Promise<IncomingMessage> {
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
    const { method, signal } = call
    return new Promise((resolve, reject) => {
      const sent = request({ ...where, method, path: target, headers, ...(signal && { signal }) }, resolve)
      sent.once('error', (cause) => reject(new Unreachable(this.#address, cause)))
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
