import { setTimeout as sleep } from 'node:timers/promises'
import { Unreachable } from '../api/client.ts'
import { decorate } from './colour.ts'
import { statusPage } from './commands/status.ts'
import { absence, daemonClient } from './daemon-client.ts'
import { CommandFailure, type Io } from './io.ts'

const CLEAR = '\u001b[H\u001b[2J'
/** How soon a daemon that is down is looked for again. */
const RETRY_MS = 1000

/**
 * `weave status --watch`: the page, and again at each change of the daemon's state, until interrupted; with `--json`
 * the changes themselves, one object on a line. A daemon that is down is waited for.
 */
export async function watchStatus(io: Io, page: readonly string[], changes: boolean): Promise<number> {
  let told = ''
  let shown = ''
  for (;;) {
    try {
      for await (const event of daemonClient(io).events('/events', new AbortController().signal)) {
        told = ''
        if (changes) io.out(`${event}\n`)
        else shown = await show(io, page, shown)
      }
    } catch (thrown) {
      if (!(thrown instanceof Unreachable)) throw thrown
    }
    const reason = await absence()
    if (reason !== told) io.err(`${reason}\n`)
    told = reason
    await sleep(RETRY_MS)
  }
}

/** Many changes come at once: a page that is as before is not shown again. */
async function show(io: Io, page: readonly string[], before: string): Promise<string> {
  const text = await statusPage(io, page).catch((thrown: unknown) => {
    if (thrown instanceof CommandFailure) return `${thrown.message}\n`
    throw thrown
  })
  if (text === before) return before
  const title = `weave status ${page.join(' ')}`.trim()
  io.out(`${io.isTerminal ? CLEAR : ''}${title}, ${new Date().toISOString()}\n\n`)
  io.out(io.isTerminal ? decorate(text) : text)
  return text
}
