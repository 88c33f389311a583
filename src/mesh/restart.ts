import type { Link } from './link.ts'
import type { MeshOptions } from './node-types.ts'

/** Feature key: for how many seconds neighbours shall keep our routes when our TCP connections end. */
const RESTART_FEATURE = 'Restart'
/**
 * Message without content: when this connection ends it is for good, nobody need wait. Only sent to neighbours with
 * the topology feature: old peers log tags that they do not know.
 */
export const LEAVE_TAG = 65
/** Nobody holds a peer for longer, whatever it asks: it may be gone for good. */
const LONGEST_SEC = 60

export function restartFeature({ restartSec = 0, extensions = true }: MeshOptions): [string, string][] {
  return extensions && restartSec > 0 ? [[RESTART_FEATURE, String(Math.ceil(restartSec))]] : []
}

/** For how many seconds to hold a connection whose TCP end went away; 0: not at all. */
export function holdSeconds(link: Link, { extensions = true }: MeshOptions): number {
  const asked = link.introduction?.features.get(RESTART_FEATURE)
  if (!extensions || link.leaving || asked === undefined || !/^\d{1,6}$/.test(asked)) return 0
  return link.state === 'added' && link.established ? Math.min(Number(asked), LONGEST_SEC) : 0
}
