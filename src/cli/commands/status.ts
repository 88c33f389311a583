import type { ClientRequest } from '../../api/client.ts'
import { answer } from '../daemon-client.ts'
import { CommandFailure, ExitStatus, type Io, UsageFailure } from '../io.ts'

export interface StatusOptions {
  readonly json?: boolean
  readonly watch?: boolean
}

/** `weave status [PAGE]`: without a page between two empty lines, which are there even when nobody answers. */
export async function status(io: Io, page: readonly string[], options: StatusOptions): Promise<number> {
  if (options.watch === true) {
    const { watchStatus } = await import('../watch.ts')
    return watchStatus(io, page, options.json === true)
  }
  if (options.json === true) {
    io.out(`${await statusPage(io, page, 'application/json')}\n`)
    return ExitStatus.ok
  }

  const frame = page.length === 0 ? '\n' : ''
  io.out(frame)
  try {
    const text = await statusPage(io, page)
    const { decorate } = io.isTerminal ? await import('../colour.ts') : { decorate: (plain: string) => plain }
    io.out(decorate(text))
  } finally {
    io.out(frame)
  }
  return ExitStatus.ok
}

/** The text of a page; fails with status 1 whatever went wrong (cli §1.9). */
export async function statusPage(io: Io, page: readonly string[], accept?: string): Promise<string> {
  const path = ['/status', ...page.map(encodeURIComponent)].join('/')
  // Scripts get what they know; people what needs their attention first.
  const form = new URLSearchParams(io.isTerminal && page.length === 0 ? { health: 'true' } : {})
  const request: ClientRequest = { method: 'GET', path, form, ...(accept !== undefined && { accept }) }
  const reply = await answer(io, request).catch((thrown: unknown) => {
    throw thrown instanceof CommandFailure ? new CommandFailure(ExitStatus.failure, thrown.message) : thrown
  })
  if (reply.status === 404) throw new UsageFailure(`Invalid 'weave status' sub-command: ${page.join(' ')}`)
  // Not ready yet is shown like ready: the page says what is missing.
  if (reply.status !== 200 && reply.status !== 503) {
    throw new CommandFailure(ExitStatus.failure, reply.body.replace(/\n$/, ''))
  }
  return reply.body
}
