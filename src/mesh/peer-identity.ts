import { createHash } from 'node:crypto'
import { type PeerName, peerNameFromBytes } from '../lib/peer-name.ts'

const SALT = '9oBJ0Jmip-'

/** A locally administered, individual address made from the hash of an id (mesh §1.2). */
export function nameFromId(...id: readonly Uint8Array[]): PeerName {
  const hash = createHash('sha256').update(SALT)
  for (const part of id) hash.update(part)
  const name = new Uint8Array(hash.digest().subarray(0, 6))
  name[0] = ((name[0] ?? 0) & 0xfe) | 0x02
  return peerNameFromBytes(name)
}

/** What tells one host from another, as raw file contents: trailing newlines count (mesh §1.2). */
export interface SystemIds {
  /** `/etc/machine-id`, else the copy that dbus keeps; empty when there is none. */
  readonly machineId: Uint8Array
  /** `/sys/class/dmi/id/product_uuid`, else `/sys/hypervisor/uuid`; empty when there is none. */
  readonly productUuid: Uint8Array
}

/** The same name that original peers give themselves on this host; undefined when the host has no id at all. */
export function systemPeerName(ids: SystemIds): PeerName | undefined {
  if (ids.machineId.length === 0 && ids.productUuid.length === 0) return undefined
  return nameFromId(ids.machineId, ids.productUuid)
}

/** How peers older than 1.9 named themselves; honoured where it is the name persisted then. */
export function oldStylePeerName(ids: SystemIds): PeerName {
  return nameFromId(ids.productUuid)
}
