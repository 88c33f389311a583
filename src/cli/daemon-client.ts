import { existsSync, readFileSync } from 'node:fs'
import { ApiClient, type ClientReply, type ClientRequest, Unreachable } from '../api/client.ts'
import { type ListenAddress, parseListenAddress } from '../api/listen-address.ts'
import { LAUNCH_RECORD, RUNTIME_DIRECTORY } from '../config/places.ts'
import { CommandFailure, ExitStatus, type Io } from './io.ts'

/** Where commands reach the daemon: `WEAVE_HTTP_ADDR`, else the socket of the last launch, else the usual one. */
function controlAddress(environment: Io['environment']): ListenAddress {
  const chosen = environment['WEAVE_HTTP_ADDR']
  if (chosen !== undefined && chosen !== '') return parseListenAddress(chosen)
  return { kind: 'unix', path: launchedSocket() ?? `${RUNTIME_DIRECTORY}/control.sock` }
}

/** Only this field: checking the whole record with zod costs more than most commands. */
function launchedSocket(): string | undefined {
  try {
    const { controlSocket } = JSON.parse(readFileSync(LAUNCH_RECORD, 'utf8')) as { controlSocket?: unknown }
    return typeof controlSocket === 'string' ? controlSocket : undefined
  } catch {
    return undefined
  }
}

export const daemonClient = (io: Io): ApiClient => new ApiClient(controlAddress(io.environment))

/** What is wrong when nobody answers, in the words that scripts know (cli §0.3). */
export async function absence(): Promise<string> {
  if (!existsSync(LAUNCH_RECORD)) return 'weave container is not present. Have you launched it?'
  const { currentKeeper } = await import('./keeper/keeper.ts')
  const running = await (await currentKeeper()).running()
  return running ? 'weave container is restarting.' : 'weave container is not running.'
}

/**
 * Sends one call and gives the body of a good answer. Anything else ends the command as the original's did: 4 for
 * what is switched off, 7 for a daemon that is not there, 1 with the daemon's own words for the rest.
 */
export async function call(io: Io, request: ClientRequest): Promise<string> {
  return good(await answer(io, request))
}

/** As `call`, but any status is given back. */
export async function answer(io: Io, request: ClientRequest): Promise<ClientReply> {
  try {
    return await daemonClient(io).send(request)
  } catch (thrown) {
    if (thrown instanceof Unreachable) throw new CommandFailure(ExitStatus.unreachable, await absence())
    throw thrown
  }
}

export function good({ status, body }: ClientReply): string {
  if (status >= 200 && status < 300) return body
  if (status === 404) throw new CommandFailure(ExitStatus.disabled, '')
  throw new CommandFailure(ExitStatus.failure, body.replace(/\n$/, ''))
}

/** The same key once for each value. */
export function formOf(key: string, values: readonly string[]): URLSearchParams {
  const form = new URLSearchParams()
  for (const value of values) form.append(key, value)
  return form
}
