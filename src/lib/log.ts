/** Structured fields of a log line; names as in the field, values printable. */
export type LogFields = Readonly<Record<string, unknown>>

/**
 * What shells log through (cores never log). Log changes of state, count repetitions.
 * `message` is a fixed sentence, everything that varies goes into `fields`.
 */
export interface Log {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** A log whose lines carry `fields` as well, e.g. `{ part: 'mesh' }`. */
  child(fields: LogFields): Log
}

const nothing = (): void => undefined

/** For tests and tools that want silence. */
export const silentLog: Log = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silentLog,
}
