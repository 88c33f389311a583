import { messageOf, WeaveError } from '../lib/errors.ts'

/** A request as handlers see it: nothing of the HTTP library, so that they are tested as plain functions. */
export interface ApiRequest {
  /** Values of the path's `:names`, decoded. */
  readonly params: Readonly<Record<string, string>>
  /** Query string; for POST and PUT the form in the body as well, which wins (http §1). */
  readonly form: URLSearchParams
  readonly query: URLSearchParams
  readonly accept: string | undefined
  /** The parsed body of a JSON request, else undefined. */
  readonly json: unknown
  /** Aborted when the client hangs up or the daemon stops. */
  readonly signal: AbortSignal
}

/** Status 204 and 405 have no body; the type is plain text unless said. */
export interface ApiReply {
  readonly status: number
  /** Pieces that come by and by are a stream, which ends when the request's signal is aborted. */
  readonly body: string | AsyncIterable<string>
  readonly type: string
  /** More about a failure than the body of the original says; travels in a header of its own. */
  readonly detail?: string
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Exact path with `:name` segments, e.g. `/ip/:id/:ip/:len`. */
  readonly path: string
  /** A `WeaveError` becomes 400 with its message and a line break. */
  readonly handle: (request: ApiRequest) => ApiReply | Promise<ApiReply>
}

/** Percent-encoded, as a header cannot hold everything. */
export const DETAIL_HEADER = 'x-weave-detail'

const PLAIN = 'text/plain; charset=utf-8'

/** An empty body has no type. */
export const text = (body: string, status = 200): ApiReply => ({
  status,
  body,
  type: body === '' ? '' : PLAIN,
})
export const json = (body: string, status = 200): ApiReply => ({ status, body, type: 'application/json' })
export const noContent: ApiReply = { status: 204, body: '', type: '' }

/** Message and line break, as all errors of this API. */
export const failure = (status: number, message: string): ApiReply => text(`${message}\n`, status)

export const notFound: ApiReply = failure(404, '404 page not found')
export const methodNotAllowed: ApiReply = { status: 405, body: '', type: '' }

/** What a thrown error means to the client: `WeaveError`s are its own fault, anything else is ours. */
export const replyToError = (thrown: unknown): ApiReply =>
  failure(thrown instanceof WeaveError ? 400 : 500, messageOf(thrown))
