import { WireError } from '../lib/errors.ts'
import type { ProtocolVersion } from './introduction.ts'

/*
 * First bytes of a connection, both directions (mesh §3)
 *
 *   77 65 61 76 65 "weave" | lowest version | highest version
 */

export const HEADER_LENGTH = 7

const MAGIC = new TextEncoder().encode('weave')

/** The versions that one side speaks. */
export interface VersionRange {
  readonly min: ProtocolVersion
  readonly max: ProtocolVersion
}

export const encodeHeader = (range: VersionRange): Uint8Array => Uint8Array.of(...MAGIC, range.min, range.max)

/** The version to speak with a peer that sent this header; throws `WireError` when there is none. */
export function negotiateVersion(header: Uint8Array, ours: VersionRange): ProtocolVersion {
  const magic = header.subarray(0, MAGIC.length)
  if (!MAGIC.every((byte, i) => byte === magic[i])) {
    throw new WireError(`remote protocol header not recognised: [${magic.join(' ')}]`)
  }
  const [theirMin = 0, theirMax = 0] = header.subarray(MAGIC.length)
  const version = Math.min(ours.max, theirMax)
  if (Math.max(ours.min, theirMin) > version || (version !== 1 && version !== 2)) {
    throw new WireError(
      `remote version range [${theirMin},${theirMax}] is incompatible with ours [${ours.min},${ours.max}]`,
    )
  }
  return version
}

/** Why a connection that ended this early failed. */
export function incompleteHeader(received: Uint8Array, error: string): string {
  if (received.length === 0) return `failed to receive remote protocol header: ${error}`
  const octets = `${received.length} octets instead of ${HEADER_LENGTH}`
  const cause = error === 'EOF' ? 'unexpected EOF' : error
  return `received incomplete remote protocol header (${octets}): [${received.join(' ')}]; error: ${cause}`
}
