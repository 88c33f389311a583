/** One recorded request with what the original answered (http, head of the file). */
export interface Exchange {
  readonly name: string
  readonly request: {
    readonly method: string
    readonly path: string
    readonly headers: Readonly<Record<string, string>>
    readonly body: string
  }
  readonly response: {
    readonly status?: number
    readonly headers?: Readonly<Record<string, string>>
    readonly body?: string
    /** The call was given up after so long. */
    readonly timeout_after_s?: number
  }
}

/** What a client sees; `blocks` when there was no answer. */
export type Seen =
  | { readonly status: number; readonly type: string; readonly body: unknown }
  | 'blocks'
  | 'crash'
