import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf, WeaveError } from '../lib/errors.ts'
import type { Mac } from '../lib/mac.ts'
import { type PeerName, parsePeerName, peerName, peerNameFromBytes } from '../lib/peer-name.ts'
import type { Rng } from '../lib/rng.ts'
import { oldStylePeerName, type SystemIds, systemPeerName } from './peer-identity.ts'

/** What a host's peer name is chosen from. */
export interface PeerNameSources {
  /** `--name`. */
  readonly option: string | undefined
  /** Address of the weave bridge, if that exists: it was set from the name at an earlier start. */
  readonly bridgeMac: Mac | undefined
  readonly ids: SystemIds
  /** The name that was kept with the state of an earlier start, ours or an original peer's. */
  readonly persisted: PeerName | undefined
  readonly rng: Rng
}

export interface ChosenPeerName {
  readonly name: PeerName
  readonly from: 'option' | 'bridge' | 'persisted' | 'system' | 'random'
}

/** The same name that an original peer gives itself on this host, so that an upgrade keeps addresses (mesh §1.2). */
export function choosePeerName(sources: PeerNameSources): ChosenPeerName {
  const { option, bridgeMac, ids, persisted, rng } = sources
  if (option !== undefined) return { name: parsePeerName(option), from: 'option' }
  if (bridgeMac !== undefined) return { name: peerName(bridgeMac), from: 'bridge' }

  const system = systemPeerName(ids)
  // Hosts upgraded from before 1.9 keep the name of that time.
  const oldStyle = ids.productUuid.length > 0 && persisted === oldStylePeerName(ids)
  if (persisted !== undefined && (system === undefined || oldStyle))
    return { name: persisted, from: 'persisted' }
  if (system !== undefined) return { name: system, from: 'system' }

  // Original peers refuse to start on such a host. The name has to be persisted by the caller.
  const bytes = rng.bytes(6)
  bytes[0] = ((bytes[0] ?? 0) & 0xfe) | 0x02
  return { name: peerNameFromBytes(bytes), from: 'random' }
}

const NOTHING = new Uint8Array(0)

/** Reads the ids of this host; `hostRoot` is where its file system is mounted, `sys` is our own. */
export async function readSystemIds(hostRoot = '/', sys = '/sys'): Promise<SystemIds> {
  return {
    machineId: await firstOf(join(hostRoot, 'etc/machine-id'), join(hostRoot, 'var/lib/dbus/machine-id')),
    productUuid: await firstOf(join(sys, 'class/dmi/id/product_uuid'), join(sys, 'hypervisor/uuid')),
  }
}

/** Content of the first file that exists, even if it is empty. */
async function firstOf(...paths: readonly string[]): Promise<Uint8Array> {
  for (const path of paths) {
    try {
      return new Uint8Array(await readFile(path))
    } catch (thrown) {
      if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') continue
      throw new WeaveError(
        'peer-name',
        `cannot read ${path}, which this host's peer name is made from: ${messageOf(thrown)}. Run as root, or give --name`,
        { cause: thrown },
      )
    }
  }
  return NOTHING
}
