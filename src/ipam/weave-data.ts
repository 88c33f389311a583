import { bool, decodeGob, int, map, slice, string, struct, uint } from '../gob/gob.ts'
import { WeaveError } from '../lib/errors.ts'
import type { Ip4 } from '../lib/ip4.ts'
import { type PeerName, peerName } from '../lib/peer-name.ts'
import { readBolt } from '../state/bolt.ts'
import { decodeRing } from './gossip-codec.ts'
import type { Owned } from './holdings.ts'
import type { Ring } from './ring.ts'

/** What the data file of Weave Net 2.x remembers (ipam §13). */
export interface WeaveData {
  readonly peerName: PeerName | undefined
  readonly ring: Ring | undefined
  readonly owned: ReadonlyMap<string, Owned>
  /** Peers that the user gave, for `launch --resume`. */
  readonly directPeers: readonly string[]
}

const CidrSchema = struct('', { Addr: uint(32), PrefixLen: int(32) })
const OwnedSchema = map(string, struct('ownedData', { IsContainer: bool, Cidrs: slice(CidrSchema) }))

/** Decodes the bytes of a `weavedata.db`; throws `WeaveError` when they are not one. */
export function decodeWeaveData(file: Uint8Array): WeaveData {
  const top = readBolt(file).get('top')
  if (!(top instanceof Map)) throw new WeaveError('bolt-damaged', 'the data file has no bucket "top"')
  const value = (key: string): Uint8Array | undefined => {
    const found = top.get(key)
    return found instanceof Uint8Array ? found : undefined
  }
  const decode = <T>(key: string, how: (bytes: Uint8Array) => T): T | undefined => {
    const bytes = value(key)
    return bytes === undefined ? undefined : how(bytes)
  }

  const major = value('version')?.[0]
  if (major !== 1)
    throw new WeaveError('bolt-damaged', `mismatched version ${major ?? 'none'} of the data file`)
  return {
    peerName: decode('peername', (bytes) => peerName(decodeGob(uint(48), bytes))),
    ring: decode('ring', decodeRing),
    owned: decode('ownedAddresses', decodeOwned) ?? new Map(),
    directPeers: decode('directPeers', (bytes) => decodeGob(slice(string), bytes)) ?? [],
  }
}

/** The value of `ownedAddresses`: who holds what. */
export const decodeOwned = (bytes: Uint8Array): Map<string, Owned> =>
  new Map(
    [...decodeGob(OwnedSchema, bytes)].map(([ident, { IsContainer, Cidrs }]): [string, Owned] => [
      ident,
      {
        isContainer: IsContainer,
        cidrs: Cidrs.map((cidr) => ({ addr: cidr.Addr as Ip4, prefixLen: cidr.PrefixLen })),
      },
    ]),
  )
