import { decorate } from './colour.ts'
import { statusPage } from './commands/status.ts'
import { CommandFailure, type Io } from './io.ts'

const CLEAR = '\u001b[H\u001b[2J'
const EVERY_MS = 1000

/** `weave status --watch`: shows the page again every second until interrupted; a daemon that is down is waited for. */
export async function watchStatus(io: Io, page: readonly string[]): Promise<number> {
  for (;;) {
    const text = await statusPage(io, page).catch((thrown: unknown) => {
      if (thrown instanceof CommandFailure) return `${thrown.message}\n`
      throw thrown
    })
    const title = `weave status ${page.join(' ')}`.trim()
    io.out(`${io.isTerminal ? CLEAR : ''}${title} — ${new Date().toISOString()}\n\n`)
    io.out(io.isTerminal ? decorate(text) : text)
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
  }
}
