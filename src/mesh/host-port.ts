import { isIP, isIPv6 } from 'node:net'
import { WeaveError } from '../lib/errors.ts'

/** A peer as a user names it: `host[:port]` (mesh §14.2). */
export interface HostPort {
  /** An address, without the brackets of IPv6, or a name to look up. */
  readonly host: string
  /** Undefined: none given, the peers' common port is meant. */
  readonly port: number | undefined
  readonly isAddress: boolean
}

/**
 * `10.0.0.1`, `name:6783`, `fd00::1`, `[fd00::1]:6783`. Old peers cannot parse IPv6 addresses and take names of
 * services for ports; we do the first and not the second. Throws `WeaveError('invalid-peer-address')`.
 */
export function parseHostPort(text: string): HostPort {
  const { host, port } = split(text)
  if (port !== '' && !/^[0-9a-zA-Z]+$/.test(port)) throw invalid(text)
  if (port !== '' && !/^\d+$/.test(port)) {
    throw new WeaveError(
      'invalid-peer-address',
      `invalid port in "${text}": it must be a number from 1 to 65535`,
    )
  }
  const number = Number(port)
  if (number > 65535) throw new WeaveError('invalid-peer-address', `address ${port}: invalid port`)
  return { host, port: number === 0 ? undefined : number, isAddress: isIP(host) !== 0 }
}

function split(text: string): { host: string; port: string } {
  if (isIPv6(text)) return { host: text, port: '' }
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/s.exec(text)
  if (bracketed !== null) {
    const host = bracketed[1] ?? ''
    if (!isIPv6(host)) throw invalid(text)
    return { host, port: bracketed[2] ?? '' }
  }
  const colon = text.indexOf(':')
  const host = colon < 0 ? text : text.slice(0, colon)
  if (host === '') throw invalid(text)
  return { host, port: colon < 0 ? '' : text.slice(colon + 1) }
}

function invalid(text: string): WeaveError {
  return new WeaveError(
    'invalid-peer-address',
    `invalid peer name ${JSON.stringify(text)}, should be host[:port]`,
  )
}

/** A name that can be looked up at all; digits and dots alone are a mistyped address, which some resolvers complete. */
export function isHostName(host: string): boolean {
  return host.length <= 253 && /^(?=.*[a-zA-Z])[a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)*\.?$/.test(host)
}

/** `10.0.0.1:6783`, `[fd00::1]:6783`: what logs, status and (IPv4) topology gossip show. */
export function formatHostPort(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`
}
