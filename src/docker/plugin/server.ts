import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { messageOf, WeaveError } from '../../lib/errors.ts'
import { Expiry } from '../../lib/expiry.ts'
import type { Log } from '../../lib/log.ts'
import type { Methods, Reply } from './protocol.ts'

/** Counts for status: calls by method and outcome. */
export interface PluginCall {
  readonly method: string
  readonly ms: number
  readonly error: string | undefined
}

interface PluginServerParts {
  readonly path: string
  /** Somebody else listens at the path, made the socket and keeps it: calls that came before us wait there. */
  readonly descriptor?: number
  readonly methods: Methods
  readonly log: Log
  /** Docker waits for an accepted call for ever, so that it is for us to give up; 20 s by default. */
  readonly deadline?: number
  readonly onCall?: (call: PluginCall) => void
}

/** Docker's requests are some hundred bytes; labels and options could make them some thousand. */
const maxBody = 1 << 20
/** How much longer than its signal a method may take to say why it failed. */
const lastWords = 500

/** HTTP over one plugin socket (plugin §1.2, §1.3). Every accepted call is answered within its deadline. */
export class PluginServer implements AsyncDisposable {
  readonly path: string
  readonly #descriptor: number | undefined
  readonly #methods: Methods
  readonly #log: Log
  readonly #deadline: number
  readonly #onCall: (call: PluginCall) => void
  readonly #server: Server
  readonly #pending = new Set<Promise<void>>()
  readonly #stopping = new AbortController()

  constructor(parts: PluginServerParts) {
    this.path = parts.path
    this.#descriptor = parts.descriptor
    this.#methods = parts.methods
    this.#log = parts.log
    this.#deadline = parts.deadline ?? 20_000
    this.#onCall = parts.onCall ?? (() => undefined)
    this.#server = createServer((request, response) => {
      const call = this.#serve(request, response)
      this.#pending.add(call)
      void call.finally(() => this.#pending.delete(call))
    })
    // Docker's client repeats a call, in some versions without its body, when an idle connection closes under it.
    this.#server.keepAliveTimeout = 0
    this.#server.requestTimeout = 0
    this.#server.headersTimeout = 0
  }

  /** Throws `WeaveError('plugin-socket')` when the socket cannot be made or another process serves it. */
  async start(): Promise<void> {
    if (this.#descriptor === undefined) await this.#makeSocket()
    else await this.#listen({ fd: this.#descriptor })
    this.#server.on('error', (error) => this.#log.error('plugin socket failed', { error: error.message }))
  }

  async #makeSocket(): Promise<void> {
    if (await answers(this.path)) {
      throw new WeaveError(
        'plugin-socket',
        `another process serves ${this.path}; stop it, or choose another path for the plugin's socket`,
      )
    }
    try {
      mkdirSync(dirname(this.path), { recursive: true })
      rmSync(this.path, { force: true })
      await this.#listen({ path: this.path })
      chmodSync(this.path, 0o600)
    } catch (thrown) {
      throw new WeaveError('plugin-socket', `cannot listen on ${this.path}: ${messageOf(thrown)}`, {
        cause: thrown,
      })
    }
  }

  #listen(where: { readonly path: string } | { readonly fd: number }): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(where, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
  }

  /** Takes no more calls, lets those under way finish but not wait for anything, and removes the socket. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return
    this.#stopping.abort(new Error('weave is stopping'))
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    await Promise.all(this.#pending)
    this.#server.closeAllConnections()
    await closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const name = (request.url ?? '').replace(/^\//, '')
    const serve = Object.hasOwn(this.#methods, name) ? this.#methods[name] : undefined
    if (serve === undefined) return sendText(response, 404, '404 page not found\n')
    if (request.method !== 'POST') return sendText(response, 405, '')

    const started = performance.now()
    const hungUp = new AbortController()
    response.once('close', () => {
      if (!response.writableFinished) hungUp.abort(new Error('dockerd hung up'))
    })
    let error: string | undefined
    try {
      const body = await readJson(request)
      using expiry = new Expiry(this.#deadline, hungUp.signal, this.#stopping.signal)
      const reply = await withinDeadline(name, this.#deadline + lastWords, serve(body, expiry.signal))
      await deliver(response, reply)
    } catch (thrown) {
      error = describe(thrown)
      const malformed = thrown instanceof WeaveError && thrown.code === 'plugin-request'
      if (malformed) sendText(response, 400, `${error}\n`)
      else sendJson(response, 500, { Err: error })
    }
    const ms = Math.round(performance.now() - started)
    this.#onCall({ method: name, ms, error })
    if (error === undefined) this.#log.debug('docker call', { method: name, ms })
    else this.#log.warn('docker call failed', { method: name, ms, error })
  }
}

/** Sends the answer; when dockerd is no longer there to read it, what was done is undone. */
async function deliver(response: ServerResponse, reply: Reply): Promise<void> {
  if (!response.destroyed) {
    sendJson(response, 200, reply.answer)
    await new Promise<void>((resolve) => {
      response.once('finish', resolve)
      response.once('close', resolve)
    })
  }
  if (!response.writableFinished) await reply.undo?.()
}

/** A method that outlives its deadline is no longer waited for; what it still gets is taken back. */
async function withinDeadline(name: string, ms: number, served: Promise<Reply>): Promise<Reply> {
  let timer: NodeJS.Timeout | undefined
  const expired = new Promise<'expired'>((resolve) => {
    timer = setTimeout(resolve, ms, 'expired')
  })
  try {
    const first = await Promise.race([served, expired])
    if (first !== 'expired') return first
  } finally {
    clearTimeout(timer)
  }
  served.then((late) => late.undo?.()).catch(() => undefined)
  throw new WeaveError('plugin-deadline', `${name} was not done within ${Math.round(ms / 1000)} s`)
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxBody) throw new WeaveError('plugin-request', `request body above ${maxBody} bytes`)
    chunks.push(chunk)
  }
  if (length === 0) return {}
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch (thrown) {
    throw new WeaveError('plugin-request', `Unable to decode JSON payload: ${messageOf(thrown)}`)
  }
}

function describe(thrown: unknown): string {
  const issues = (thrown as { issues?: readonly { path: PropertyKey[]; message: string }[] } | undefined)
    ?.issues
  if (issues === undefined) return messageOf(thrown)
  return issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  send(response, status, 'application/json', `${JSON.stringify(body)}\n`)
}

function sendText(response: ServerResponse, status: number, body: string): void {
  send(response, status, 'text/plain; charset=utf-8', body)
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  if (response.destroyed || response.headersSent) return
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) })
  response.end(body)
}

/** Whether a process listens on the socket: a file that is left over refuses. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', () => resolve(false))
  })
}
