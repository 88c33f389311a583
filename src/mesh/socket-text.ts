import { WeaveError } from '../lib/errors.ts'
import { formatHostPort } from './host-port.ts'
import type { SocketAddress } from './overlay.ts'

/** What the kernel's errors are called in status and logs, as users of the original know them. */
const TEXTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by peer',
  ENETUNREACH: 'network is unreachable',
  EHOSTUNREACH: 'no route to host',
  ETIMEDOUT: 'connection timed out',
  EPIPE: 'broken pipe',
  EADDRINUSE: 'address already in use',
  EADDRNOTAVAIL: 'cannot assign requested address',
  EACCES: 'permission denied',
  EMFILE: 'too many open files',
}

export function errnoText(error: NodeJS.ErrnoException): string {
  return TEXTS[error.code ?? ''] ?? error.message
}

/** Why a dial failed, in the form that status has always shown. */
export function dialError(from: string | undefined, to: SocketAddress, text: string): string {
  return `dial tcp ${from === undefined ? ':0' : formatHostPort(from, 0)}->${formatHostPort(to.host, to.port)}: connect: ${text}`
}

/** Why a connection ended. */
export function socketError(
  what: 'read' | 'write',
  local: SocketAddress,
  remote: SocketAddress,
  text: string,
): string {
  return `${what} tcp ${formatHostPort(local.host, local.port)}->${formatHostPort(remote.host, remote.port)}: ${what}: ${text}`
}

/** Why we cannot listen, and what to do about it. */
export function listenError(
  host: string | undefined,
  port: number,
  error: NodeJS.ErrnoException,
): WeaveError {
  const where = formatHostPort(host ?? '', port)
  const advice: Readonly<Record<string, string>> = {
    EADDRINUSE: `is another weave running on this host? Stop it, or choose another port with --port`,
    EADDRNOTAVAIL: `--host must be an address of this host`,
    EACCES: `ports below 1024 need root; choose another one with --port`,
  }
  const todo = advice[error.code ?? '']
  const text = `cannot listen on TCP ${where}: ${errnoText(error)}`
  return new WeaveError('listen-failed', todo === undefined ? text : `${text}: ${todo}`, { cause: error })
}

/** IPv4 peers of a dual-stack listener appear as `::ffff:10.0.0.1`; nobody else calls them that. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address
}
