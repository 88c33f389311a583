import { WeaveError } from '../../lib/errors.ts'

/** A template that cannot be read; the message has name and line as Go's do (`template: format:1: …`). */
export class TemplateParseError extends WeaveError<'template-parse'> {
  constructor(line: number, problem: string) {
    super('template-parse', `template: format:${line}: ${problem}`)
    this.name = 'TemplateParseError'
  }
}

/** Where in a template something stands; the column counts bytes from 0, as Go's does. */
export interface Place {
  readonly line: number
  readonly column: number
  /** As it was written. */
  readonly text: string
}

/** A template that fails on this data; `written` is the output up to there. */
export class TemplateRunError extends WeaveError<'template-run'> {
  written = ''

  constructor({ line, column, text }: Place, problem: string) {
    super('template-run', `template: format:${line}:${column}: executing "format" at <${text}>: ${problem}`)
    this.name = 'TemplateRunError'
  }
}

/** What is wrong with a value, for whoever knows where in the template it was used. */
export class Fault extends Error {}
