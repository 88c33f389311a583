import { WireError } from '../lib/errors.ts'

/** Feature key of the handshake: names of overlays in order of preference (overlay §3.1). */
export const OVERLAYS_FEATURE = 'Overlays'

const MAX_OVERLAYS = 256

/** What both sides can do. Compat: the peer knows sleeve only and does not frame its control messages. */
export type Negotiated =
  | { readonly compat: true }
  | { readonly compat: false; readonly common: readonly string[] }

/**
 * The common list decides the indices in control messages. Old peers order it by their own list, so the relative order
 * of names must be the same everywhere: `fastdp`, then `sleeve`, new ones behind (overlay §3.2).
 * Throws `WireError` when nothing is in common.
 */
export function negotiate(local: readonly string[], features: ReadonlyMap<string, string>): Negotiated {
  const sent = features.get(OVERLAYS_FEATURE)
  if (sent === undefined && local.includes('sleeve')) return { compat: true }
  const remote = new Set(sent?.split(' '))
  const common = local.filter((name) => remote.has(name)).slice(0, MAX_OVERLAYS)
  if (common.length === 0) throw new WireError('no overlays in common with peer')
  return { compat: false, common }
}
