import { WeaveError } from '../../lib/errors.ts'

/** A template that cannot be read; the message has name and line as Go's do (`template: format:1: …`). */
export class TemplateParseError extends WeaveError<'template-parse'> {
  constructor(line: number, problem: string) {
    super('template-parse', `template: format:${line}: ${problem}`)
    this.name = 'TemplateParseError'
  }
}

/** A template that fails on this data; `written` is the output up to there. */
export class TemplateRunError extends WeaveError<'template-run'> {
  written = ''

  constructor(problem: string) {
    super('template-run', problem)
    this.name = 'TemplateRunError'
  }
}
