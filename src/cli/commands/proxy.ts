import { answer } from '../daemon-client.ts'
import { CommandFailure, ExitStatus, type Io } from '../io.ts'

const NO_PROXY = 'there is no Docker API proxy in this release; use docker run --net=weave'

/** `weave env [--restore]`: scripts evaluate what it prints, so without a proxy it prints nothing (cli §1.16). */
export async function env(io: Io, options: { readonly restore?: boolean }): Promise<number> {
  if (options.restore === true) {
    const before = io.environment['ORIG_DOCKER_HOST']
    if (before === undefined) {
      throw new CommandFailure(
        ExitStatus.failure,
        "Nothing to restore. This is most likely because there was no preceding invocation of 'eval $(weave env)' in this shell.",
      )
    }
    io.out(`DOCKER_HOST=${before}\n`)
    return ExitStatus.ok
  }
  try {
    await noProxy(io)
  } catch (thrown) {
    if (!(thrown instanceof CommandFailure)) throw thrown
    io.err(`${thrown.message}\n`)
  }
  return ExitStatus.ok
}

/** `weave config`: fails without a proxy. */
export async function config(io: Io): Promise<number> {
  try {
    return await noProxy(io)
  } catch (thrown) {
    throw thrown instanceof CommandFailure ? new CommandFailure(ExitStatus.failure, thrown.message) : thrown
  }
}

/** Tells a daemon that is down from one that has no proxy. */
async function noProxy(io: Io): Promise<never> {
  await answer(io, { method: 'GET', path: '/status' })
  throw new CommandFailure(ExitStatus.failure, NO_PROXY)
}
