import type { PeerName } from '../lib/peer-name.ts'
import { BackOff } from './back-off.ts'
import type { HostPort } from './host-port.ts'
import type { ConnectionSnapshot } from './snapshot-types.ts'

/**
 * Somewhere to connect to. `suspended`: there is no need to, its peer is connected anyhow; it stays because the user
 * named it.
 */
export interface Target {
  /** `ip:port`, or what the user typed if that is a name. */
  readonly key: string
  readonly host: HostPort
  readonly port: number
  state: 'waiting' | 'attempting' | 'connected' | 'suspended'
  /** What is shown: the key, or the address that the name stood for at the last attempt. */
  address: string
  error: string | undefined
  /** When to try next; Infinity: not until it is given again (ourself, or a peer with our name). */
  tryAt: number
  readonly backOff: BackOff
  /** Who was found there, or who is said to be. */
  peer: PeerName | undefined
  /** A former neighbour, which is only taken in if it is `peer`. */
  former: boolean
  /** Until then its peer may dial us first, if others still do; -Infinity: we do not wait for it. */
  readonly courteousUntil: number
  /** How many attempts there were: of several addresses of a name they take turns. */
  attempts: number
}

export const newTarget = (
  key: string,
  host: HostPort,
  port: number,
  tryAt: number,
  courteousUntil = Number.NEGATIVE_INFINITY,
): Target => ({
  key,
  host,
  port,
  state: 'waiting',
  address: key,
  error: undefined,
  tryAt,
  backOff: new BackOff(),
  peer: undefined,
  former: false,
  courteousUntil,
  attempts: 0,
})

/** As status shows it; undefined for what it does not list (mesh §15.6). */
export function targetSnapshot(target: Target): ConnectionSnapshot | undefined {
  // Tried in silence: as far as anybody knows there is no such peer any more, and users saw nothing of it before.
  if (target.former) return undefined
  const { address, error, tryAt } = target
  const retryAt = tryAt === Number.POSITIVE_INFINITY ? undefined : tryAt
  switch (target.state) {
    case 'attempting':
      return error === undefined
        ? { state: 'connecting', address, outbound: true }
        : { state: 'retrying', address, outbound: true, error }
    case 'waiting':
      if (error !== undefined) return { state: 'failed', address, outbound: true, error, retryAt }
      return { state: 'waiting', address, outbound: true, retryAt: tryAt }
    case 'connected':
    case 'suspended':
      return undefined
  }
}
