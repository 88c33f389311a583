/** An error whose `code` is stable (documented, testable) and whose message says what, where and what to do. */
export class WeaveError<Code extends string = string> extends Error {
  readonly code: Code
  readonly meta: Readonly<Record<string, unknown>>

  constructor(
    code: Code,
    message: string,
    options: { readonly cause?: unknown; readonly meta?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'WeaveError'
    this.code = code
    this.meta = options.meta ?? {}
  }
}

/**
 * Remote input that cannot be accepted. The only thing that decoders throw; the shell that fed the input
 * decides what it ends (a datagram, a message, a connection), never the process.
 */
export class WireError extends WeaveError<'wire'> {
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super('wire', message, options)
    this.name = 'WireError'
  }
}

/** The message of anything that was thrown. */
export const messageOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown)
