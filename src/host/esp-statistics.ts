import { readFileSync } from 'node:fs'

/** Events of IPsec that matter to sealed VXLAN, by the kernel's names; of the whole host, whoever's packets they were. */
const EVENTS = {
  refused_in_clear: ['XfrmInTmplMismatch', 'XfrmInNoPols', 'XfrmInPolBlock'],
  unknown_key: ['XfrmInNoStates'],
  forged: ['XfrmInStateProtoError'],
  replayed: ['XfrmInStateSeqError'],
  held_back: ['XfrmOutPolBlock', 'XfrmOutNoStates'],
} as const

/** Sums since the host started, from the text of /proc/net/xfrm_stat. */
export function parseEspStatistics(text: string): Readonly<Record<string, number>> {
  const counts = new Map<string, number>()
  for (const [, name = '', count] of text.matchAll(/^(\w+)\s+(\d+)$/gm)) counts.set(name, Number(count))
  const sum = (names: readonly string[]): number =>
    names.reduce((before, name) => before + (counts.get(name) ?? 0), 0)
  return Object.fromEntries(Object.entries(EVENTS).map(([event, names]) => [event, sum(names)] as const))
}

/** Undefined where the kernel does not count. */
export function espStatistics(): Readonly<Record<string, number>> | undefined {
  try {
    return parseEspStatistics(readFileSync('/proc/net/xfrm_stat', 'utf8'))
  } catch {
    return undefined
  }
}
