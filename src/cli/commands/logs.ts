import { ExitStatus, type Io } from '../io.ts'
import { currentKeeper } from '../keeper/keeper.ts'

/** `weave logs [-f]`: the daemon's log, then what is added to it. */
export async function logs(io: Io, { follow = false }: { readonly follow?: boolean }): Promise<number> {
  const keeper = await currentKeeper()
  await keeper.log(io.out.bind(io), follow)
  return ExitStatus.ok
}
