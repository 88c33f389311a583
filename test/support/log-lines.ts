import type { Log, LogFields } from '../../src/lib/log.ts'

/** Keeps what was logged, for tests that ask what a user would see. */
export class LogLines implements Log {
  readonly lines: { readonly level: string; readonly message: string; readonly fields: LogFields }[]
  readonly #fields: LogFields

  constructor(lines: LogLines['lines'] = [], fields: LogFields = {}) {
    this.lines = lines
    this.#fields = fields
  }

  debug(message: string, fields: LogFields = {}): void {
    this.#add('debug', message, fields)
  }

  info(message: string, fields: LogFields = {}): void {
    this.#add('info', message, fields)
  }

  warn(message: string, fields: LogFields = {}): void {
    this.#add('warn', message, fields)
  }

  error(message: string, fields: LogFields = {}): void {
    this.#add('error', message, fields)
  }

  child(fields: LogFields): Log {
    return new LogLines(this.lines, { ...this.#fields, ...fields })
  }

  /** The reasons with which connections failed, at whatever level. */
  reasons(): string[] {
    return this.lines
      .filter((line) => line.message.startsWith('connection shutting down'))
      .map((line) => String(line.fields['reason']))
  }

  #add(level: string, message: string, fields: LogFields): void {
    this.lines.push({ level, message, fields: { ...this.#fields, ...fields } })
  }
}
