import type { Range } from '../lib/ip4.ts'
import { formatPeerName, type PeerName } from '../lib/peer-name.ts'
import { formatRange, rangeAsCidr } from './range.ts'
import { ringFault } from './ring.ts'
import type { StoredIpam } from './store.ts'

/** What to make of stored state: use it, or forget it for the reason given (ipam §13). */
export type Verdict =
  | { readonly kind: 'use'; readonly stored: StoredIpam }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'forget'; readonly reason: string }

export function judgeStored(stored: StoredIpam | undefined, self: PeerName, range: Range): Verdict {
  if (stored === undefined) return { kind: 'nothing' }
  const { ring } = stored
  if (ring.peer !== self) {
    return { kind: 'forget', reason: `Deleting persisted data for peername ${formatPeerName(ring.peer)}` }
  }
  if (ring.start !== range.start || ring.end !== range.end) {
    const reason = `Deleting persisted data for IPAM range ${formatRange(ring)}; our range is ${rangeAsCidr(range)}`
    return { kind: 'forget', reason }
  }
  const fault = ringFault(ring)
  if (fault !== undefined)
    return { kind: 'forget', reason: `Deleting persisted data that is damaged: ${fault}` }
  return { kind: 'use', stored }
}
