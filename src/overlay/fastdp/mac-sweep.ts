import type { MacEntry } from '../../native/bpf/layout.ts'

/** A MAC that was silent for so long is forgotten (overlay §1). */
const MAC_MAX_AGE_SEC = 600

/** Entries to remove at `clock` (seconds): silent ones, and those behind peers that are gone. */
export function staleMacs(
  entries: readonly MacEntry[],
  clock: number,
  isKnown: (shortId: number) => boolean,
): readonly MacEntry[] {
  return entries.filter((entry) => {
    if (entry.fixed) return false
    return clock - entry.seen > MAC_MAX_AGE_SEC || (entry.peer !== undefined && !isKnown(entry.peer))
  })
}
