import { setTimeout as sleep } from 'node:timers/promises'
import type { Control } from './control.ts'
import { changesBetween } from './events.ts'
import { goJson } from './go-json.ts'
import type { Report } from './report.ts'
import type { Route } from './route.ts'

/** How soon a change is told. Looked for only while somebody listens. */
const LOOK_EVERY_MS = 200
/** A comment, so that proxies and clients see that the stream lives. */
const SIGN_OF_LIFE_MS = 15_000

/**
 * `/events`: server-sent events. First everything that is there, as added; then each change. The event's name is the
 * kind of the thing, its data a JSON object `{change, …the thing}`.
 */
export function eventsRoute(control: Pick<Control, 'report'>): Route {
  return {
    method: 'GET',
    path: '/events',
    handle: ({ signal }) => ({ status: 200, type: 'text/event-stream', body: eventStream(control, signal) }),
  }
}

async function* eventStream(
  control: Pick<Control, 'report'>,
  signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  let before: Report | undefined
  let quiet = 0
  while (!signal.aborted) {
    const report = control.report()
    const changes = changesBetween(before, report)
    before = report
    quiet = changes.length > 0 ? 0 : quiet + LOOK_EVERY_MS
    if (changes.length > 0) {
      yield changes
        .map(({ kind, change, value }) => `event: ${kind}\ndata: ${goJson({ change, ...value })}\n\n`)
        .join('')
    } else if (quiet >= SIGN_OF_LIFE_MS) {
      quiet = 0
      yield ': still here\n\n'
    }
    // Ends at once with the client or the daemon.
    await sleep(LOOK_EVERY_MS, undefined, { signal, ref: false }).catch(() => undefined)
  }
}
