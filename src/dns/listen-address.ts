import { WeaveError } from '../lib/errors.ts'

/** Where the server listens. `host` is an IP address without brackets. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** `HOST:PORT` or `[IPV6]:PORT`, as `--dns-listen-address` takes it; throws `WeaveError` with the original's text. */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text)
  const host = match?.[1] ?? match?.[2] ?? ''
  const port = Number(match?.[3])
  if (match === null || port > 0xffff) {
    const why = text.includes(':') ? 'invalid address or port' : 'missing port in address'
    throw new WeaveError(
      'invalid-dns-listen-address',
      `Unable to start dns server: invalid DNS listen address "${text}": address ${text}: ${why}`,
    )
  }
  return { host: host === '' ? '0.0.0.0' : host, port }
}

export const formatListenAddress = ({ host, port }: ListenAddress): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
