import { call, formOf } from '../daemon-client.ts'
import { CommandFailure, ExitStatus, type Io, UsageFailure } from '../io.ts'

/** `weave connect [--replace] PEER…`: good peers are added even when others are not. */
export async function connect(
  io: Io,
  peers: readonly string[],
  options: { readonly replace?: boolean },
): Promise<number> {
  if (peers.length === 0 && options.replace !== true) throw new UsageFailure('')
  const form = formOf('peer', peers)
  if (options.replace === true) form.set('replace', 'true')
  await call(io, { method: 'POST', path: '/connect', form })
  return ExitStatus.ok
}

/** `weave forget PEER…`: by the words that they were given with. */
export async function forget(io: Io, peers: readonly string[]): Promise<number> {
  const form = formOf('peer', peers)
  await call(io, { method: 'POST', path: '/forget', form })
  return ExitStatus.ok
}

/** `weave prime`: returns once addresses can be given out. */
export async function prime(io: Io): Promise<number> {
  await call(io, { method: 'GET', path: '/ring' })
  return ExitStatus.ok
}

/** `weave rmpeer PEER…`: takes over what dead peers owned. Any failure is status 1 (cli §1.17). */
export async function rmpeer(
  io: Io,
  peers: readonly string[],
  options: { readonly force?: boolean },
): Promise<number> {
  let status: number = ExitStatus.ok
  for (const peer of peers) {
    const others = peers.filter((other) => other !== peer)
    const form = formOf('gone', others)
    if (options.force === true) form.set('force', 'true')
    try {
      io.out(await call(io, { method: 'DELETE', path: `/peer/${encodeURIComponent(peer)}`, form }))
    } catch (thrown) {
      if (!(thrown instanceof CommandFailure)) throw thrown
      if (thrown.message !== '') io.err(`${thrown.message}\n`)
      status = ExitStatus.failure
    }
  }
  return status
}
