import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { NO_PROMISES } from '../ipam/promises.ts'
import { StoredIpamState } from '../ipam/stored-state.ts'
import { decodeWeaveData } from '../ipam/weave-data.ts'
import { messageOf, WeaveError } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import { formatPeerName } from '../lib/peer-name.ts'
import type { Store } from '../state/store.ts'
import type { NodeState } from './node-state.ts'

/** Where Weave Net 2.x keeps its data: in the state directory as a plugin or on Kubernetes, else in its volume. */
const oldFiles = (stateDir: string): readonly string[] => [
  join(stateDir, 'weavedata.db'),
  join(stateDir, 'weave-netdata.db'),
  '/weavedb/weavedata.db',
]

/**
 * The first start on a host that ran Weave Net 2.x takes over its name, ring, addresses and peers, so that containers
 * keep theirs. The old file stays as it is. Throws `WeaveError('old-state')` for a file that cannot be read: starting
 * without it would give addresses out twice.
 */
export async function adoptOldState(
  modules: { readonly store: Store; readonly state: NodeState; readonly log: Log },
  stateDir: string,
): Promise<void> {
  const { store, state, log } = modules
  const file = state.name === undefined ? oldFiles(stateDir).find((path) => existsSync(path)) : undefined
  if (file === undefined) return

  try {
    const { peerName, ring, owned, directPeers } = decodeWeaveData(new Uint8Array(readFileSync(file)))
    if (ring !== undefined) {
      await new StoredIpamState(store).save({ ring, promises: NO_PROMISES }, owned)
    }
    await state.saveTargets(directPeers)
    // Last: until the name is there, the next start tries again.
    if (peerName !== undefined) await state.saveName(peerName)
    log.info('took over the state of an earlier Weave Net', {
      file,
      name: peerName && formatPeerName(peerName),
      addresses: owned.size,
    })
  } catch (thrown) {
    throw new WeaveError(
      'old-state',
      `cannot take over ${file} of an earlier Weave Net: ${messageOf(thrown)}; move it away to start afresh`,
      { cause: thrown },
    )
  }
}
