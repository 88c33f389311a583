import { lstatSync, unlinkSync } from 'node:fs'
import { messageOf, WeaveError } from '../lib/errors.ts'

/** Where to listen, or where to reach a listener: a Unix socket or a TCP address. */
export type ListenAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }

/** `/path`, `host:port`, `host` or `:port`; missing parts are 127.0.0.1 and 6784 (http §6). */
export function parseListenAddress(text: string): ListenAddress {
  if (text.startsWith('/')) return { kind: 'unix', path: text }
  if (text.startsWith('unix://')) return { kind: 'unix', path: text.slice('unix://'.length) }
  const match = /^\[?([^\]]*?)\]?(?::(\d{1,5}))?$/.exec(text)
  const port = Number(match?.[2] ?? 6784)
  if (match === null || port > 65_535) {
    throw new WeaveError(
      'configuration',
      `${JSON.stringify(text)} is neither ADDRESS:PORT nor a socket's path`,
    )
  }
  return { kind: 'tcp', host: match[1] === undefined || match[1] === '' ? '127.0.0.1' : match[1], port }
}

export const formatListenAddress = (address: ListenAddress): string =>
  address.kind === 'unix' ? address.path : `${address.host}:${address.port}`

/** Nobody but this host can reach it. */
export const isLoopback = (address: ListenAddress): boolean =>
  address.kind === 'unix' || /^(?:127\.\d+\.\d+\.\d+|::1|localhost)$/.test(address.host)

/** A daemon that was killed leaves its socket behind. Removes nothing but sockets. */
export function removeStaleSocket(path: string): void {
  try {
    if (lstatSync(path).isSocket()) unlinkSync(path)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return
    throw new WeaveError('listen', `cannot replace ${path}: ${messageOf(thrown)}`, { cause: thrown })
  }
}
