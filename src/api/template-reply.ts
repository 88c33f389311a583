import { type ApiReply, failure, text } from './route.ts'
import { TemplateParseError, TemplateRunError } from './template/error.ts'
import { render } from './template/render.ts'

const FAILED = 'error during template execution'

/** A report through a template, with the status codes and texts of http §4.3. */
export function replyToTemplate(format: string, report: unknown): ApiReply {
  try {
    return text(render(format, report))
  } catch (thrown) {
    if (thrown instanceof TemplateParseError) return failure(400, thrown.message)
    if (!(thrown instanceof TemplateRunError)) throw thrown
    // What was written before the fault has been sent with status 200 by the time the original meets it.
    const { written, message: detail } = thrown
    return { ...(written === '' ? failure(500, FAILED) : text(`${written}${FAILED}\n`)), detail }
  }
}
