import type { Config } from '../config/options.ts'
import type { Host } from '../host/host.ts'
import type { Log } from '../lib/log.ts'
import { formatPeerName, type PeerName } from '../lib/peer-name.ts'
import { systemRng } from '../lib/rng.ts'
import { choosePeerName, readSystemIds } from '../mesh/peer-name-source.ts'
import type { NodeState } from './node-state.ts'

/** The name of this peer: the one it had, so that its addresses stay its own (mesh §1.2). */
export async function identify(
  modules: { readonly host: Host; readonly state: NodeState; readonly log: Log },
  config: Config,
): Promise<PeerName> {
  const { host, state, log } = modules
  const { name, from } = choosePeerName({
    option: config.name === '' ? undefined : config.name,
    bridgeMac: await host.bridgeMac(),
    ids: await readSystemIds(config.hostRoot === '' ? '/' : config.hostRoot),
    persisted: state.name,
    rng: systemRng,
  })
  if (state.name !== name) await state.saveName(name)
  log.info('this peer', { name: formatPeerName(name), nickname: config.nickname, from })
  return name
}
