import { chmodSync } from 'node:fs'
import { Readable } from 'node:stream'
import formbody from '@fastify/formbody'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { messageOf, WeaveError } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import { refusal } from './guard.ts'
import { formatListenAddress, type ListenAddress, removeStaleSocket } from './listen-address.ts'
import {
  type ApiReply,
  type ApiRequest,
  DETAIL_HEADER,
  failure,
  methodNotAllowed,
  notFound,
  type Route,
  replyToError,
} from './route.ts'

/** Requests carry names and addresses only. */
const BODY_LIMIT = 64 * 1024

/** Handlers check their own input: without schemas the compilers behind them need not be loaded (80 ms). */
const noSchemas = {
  buildValidator: (): never => {
    throw new Error('routes have no schemas')
  },
  buildSerializer: (): never => {
    throw new Error('routes have no schemas')
  },
}

/** One listener with its routes (http §1). Fastify is the shell; handlers are plain functions. */
export class ApiServer implements AsyncDisposable {
  readonly #app: FastifyInstance
  readonly #address: ListenAddress
  readonly #patterns: readonly RegExp[]
  readonly #log: Log
  /** Of the requests that are being answered: `AbortSignal.any` with one for all would remember each of them for ever. */
  readonly #open = new Set<AbortController>()

  constructor(modules: { readonly log: Log }, address: ListenAddress, routes: readonly Route[]) {
    this.#log = modules.log
    this.#address = address
    this.#patterns = [...new Set(routes.map((route) => route.path))].map(pattern)
    this.#app = fastify({
      bodyLimit: BODY_LIMIT,
      exposeHeadRoutes: false,
      forceCloseConnections: true,
      routerOptions: { maxParamLength: 4096 },
      return503OnClosing: false,
      schemaController: { compilersFactory: noSchemas },
    })
    this.#app.register(formbody)
    for (const route of routes) this.#add(route)
    this.#app.setNotFoundHandler((request, reply) => send(reply, this.#unmatched(request)))
    this.#app.setErrorHandler((error, _request, reply) => send(reply, replyToLibrary(error)))
  }

  /** Throws `WeaveError('listen')` that says which address and what to do. */
  async start(): Promise<void> {
    const address = this.#address
    if (address.kind === 'tcp') {
      this.#app.addHook('onRequest', async (request, reply) => {
        const reason = refusal(request.headers.host, request.headers.origin)
        return reason === undefined ? undefined : send(reply, failure(403, reason))
      })
    }
    try {
      if (address.kind === 'unix') {
        removeStaleSocket(address.path)
        await this.#app.listen({ path: address.path })
        chmodSync(address.path, 0o660)
      } else {
        await this.#app.listen({ host: address.host, port: address.port })
      }
    } catch (thrown) {
      throw listenError(address, thrown)
    }
  }

  /** The TCP port that is listened on; undefined for a Unix socket or before `start`. */
  get port(): number | undefined {
    const address = this.#app.server.address()
    return typeof address === 'object' && address !== null ? address.port : undefined
  }

  async stop(): Promise<void> {
    for (const request of this.#open) request.abort()
    await this.#app.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #add(route: Route): void {
    this.#app.route({
      method: route.method,
      url: route.path,
      handler: async (request, reply) => {
        this.#log.debug('http request', { method: request.method, url: request.url })
        return send(reply, await this.#answer(route, request, reply))
      },
    })
  }

  async #answer(route: Route, request: FastifyRequest, reply: FastifyReply): Promise<ApiReply> {
    const gone = new AbortController()
    const onClose = (): void => {
      this.#open.delete(gone)
      gone.abort()
    }
    this.#open.add(gone)
    reply.raw.once('close', onClose)
    const answer = await this.#handle(route, request, gone.signal)
    if (typeof answer.body === 'string') {
      this.#open.delete(gone)
      reply.raw.off('close', onClose)
    }
    return answer
  }

  async #handle(route: Route, request: FastifyRequest, signal: AbortSignal): Promise<ApiReply> {
    try {
      return await route.handle(toApiRequest(request, signal))
    } catch (thrown) {
      if (!(thrown instanceof WeaveError) && !signal.aborted) {
        this.#log.error('http request failed', { method: request.method, url: request.url, error: thrown })
      }
      return replyToError(thrown)
    }
  }

  /** A known path with another method is told apart from an unknown one (http §1). */
  #unmatched(request: FastifyRequest): ApiReply {
    const path = request.url.replace(/\?.*$/, '')
    return this.#patterns.some((known) => known.test(path)) ? methodNotAllowed : notFound
  }
}

const pattern = (path: string): RegExp =>
  new RegExp(`^${path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:[A-Za-z]+/g, '[^/]+')}$`)

function toApiRequest(request: FastifyRequest, signal: AbortSignal): ApiRequest {
  const query = new URLSearchParams(request.url.split('?')[1] ?? '')
  const type = request.headers['content-type'] ?? ''
  const isForm = type.startsWith('application/x-www-form-urlencoded')
  return {
    params: request.params as Readonly<Record<string, string>>,
    query,
    form: isForm ? merged(request.body as Record<string, string | string[]>, query) : query,
    accept: request.headers.accept,
    json: type.startsWith('application/json') ? request.body : undefined,
    signal,
  }
}

/** The body's values first, so that `get` finds them; then those of the query. */
function merged(
  body: Readonly<Record<string, string | string[]>> | undefined,
  query: URLSearchParams,
): URLSearchParams {
  const form = new URLSearchParams()
  for (const [key, value] of Object.entries(body ?? {})) {
    for (const item of Array.isArray(value) ? value : [value]) form.append(key, item)
  }
  for (const [key, value] of query) form.append(key, value)
  return form
}

function send(reply: FastifyReply, { status, body, type, detail }: ApiReply): FastifyReply {
  reply.code(status)
  if (detail !== undefined) reply.header(DETAIL_HEADER, encodeURI(detail))
  if (type !== '') reply.header('Content-Type', type)
  if (status >= 400 && body !== '') reply.header('X-Content-Type-Options', 'nosniff')
  if (typeof body !== 'string') return reply.header('Cache-Control', 'no-store').send(Readable.from(body))
  // As bytes: the library adds a charset to the type of texts.
  return reply.send(type === '' ? undefined : Buffer.from(body))
}

function replyToLibrary(error: unknown): ApiReply {
  const status = (error as { readonly statusCode?: number }).statusCode
  return status === undefined || status >= 500 ? replyToError(error) : failure(status, messageOf(error))
}

function listenError(address: ListenAddress, thrown: unknown): WeaveError {
  const where = formatListenAddress(address)
  const code = (thrown as NodeJS.ErrnoException).code
  const advice =
    code === 'EADDRINUSE'
      ? 'another program listens there; stop it, or choose another address with --http-addr or --status-addr'
      : messageOf(thrown)
  return new WeaveError('listen', `cannot serve the control API on ${where}: ${advice}`, { cause: thrown })
}
