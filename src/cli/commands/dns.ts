import type { ClientReply } from '../../api/client.ts'
import { splitPlainAddresses } from '../addresses.ts'
import { call, daemonClient } from '../daemon-client.ts'
import { CommandFailure, ExitStatus, type Io, UsageFailure } from '../io.ts'

export interface NameOptions {
  readonly h?: string
  readonly type?: string
  readonly value?: string
}

/** `weave dns-args`: options for `docker run`, without a line break; nothing when DNS is off or listens nowhere yet. */
export async function dnsArgs(io: Io): Promise<number> {
  const domain = await silently(io, '/domain')
  if (domain === undefined) return ExitStatus.unreachable
  const address = await silently(io, '/dns-address')
  if (domain.status === 200 && address?.status === 200 && address.body !== '') {
    io.out(`--dns=${address.body} --dns-search=${domain.body}`)
  }
  return ExitStatus.ok
}

/** `weave dns-lookup NAME`: one address on a line; nothing for an unknown name (cli §1.12). */
export async function dnsLookup(io: Io, name: string): Promise<number> {
  const server = await silently(io, '/dns-address-port')
  if (server === undefined) return ExitStatus.unreachable
  if (server.status !== 200) return ExitStatus.disabled
  if (server.body.startsWith(':') || server.body === '') {
    throw new CommandFailure(
      ExitStatus.failure,
      'names are not served: no address to listen on (no Docker bridge); use --dns-listen-address',
    )
  }
  const { Resolver } = await import('node:dns/promises')
  const resolver = new Resolver({ timeout: 2000, tries: 2 })
  resolver.setServers([server.body.replace(/^0\.0\.0\.0:/, '127.0.0.1:')])
  try {
    const addresses = await resolver.resolve4(name)
    io.out(addresses.map((address) => `${address}\n`).join(''))
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException
    if (code !== 'ENOTFOUND' && code !== 'ENODATA') throw thrown
  }
  return ExitStatus.ok
}

/** `weave dns-add [IP…] CONTAINER [-h FQDN]`, `weave dns-add IP… -h FQDN`. */
export async function dnsAdd(io: Io, words: readonly string[], options: NameOptions): Promise<number> {
  const record = recordPath(words, options)
  if (record === undefined) await change(io, '/names', nameRequest(words, options.h))
  else if (options.value === undefined) throw new UsageFailure('')
  else await call(io, { method: 'PUT', path: record })
  return ExitStatus.ok
}

/** `weave dns-remove`, with the same words. */
export async function dnsRemove(io: Io, words: readonly string[], options: NameOptions): Promise<number> {
  const record = recordPath(words, options)
  if (record === undefined) await change(io, '/names/remove', nameRequest(words, options.h))
  else await call(io, { method: 'DELETE', path: record })
  return ExitStatus.ok
}

/** Where a record by hand is; undefined when the options mean a name of addresses. */
function recordPath(words: readonly string[], { h, type, value }: NameOptions): string | undefined {
  if (type === undefined && value === undefined) return undefined
  if (type === undefined || h === undefined || words.length > 0) throw new UsageFailure('')
  const query = value === undefined ? '' : `?${new URLSearchParams({ value })}`
  return `/record/${encodeURIComponent(h)}/${encodeURIComponent(type)}${query}`
}

/** These commands tell a daemon that is absent (1) from one that is stopped (2) by their status (cli §0.3). */
async function change(io: Io, path: string, json: unknown): Promise<void> {
  try {
    await call(io, { method: 'POST', path, json })
  } catch (thrown) {
    if (!(thrown instanceof CommandFailure) || thrown.status !== ExitStatus.unreachable) throw thrown
    const isAbsent = thrown.message.includes('not present')
    throw new CommandFailure(isAbsent ? ExitStatus.failure : ExitStatus.nameClash, thrown.message)
  }
}

function nameRequest(words: readonly string[], fqdn: string | undefined): Readonly<Record<string, unknown>> {
  const { addresses, rest } = splitPlainAddresses(words)
  const [container, ...more] = rest
  const complete = container !== undefined || (addresses.length > 0 && fqdn !== undefined)
  if (!complete || more.length > 0) throw new UsageFailure('')
  return { container, addresses, fqdn }
}

/** These two commands say nothing about a daemon that is down. */
function silently(io: Io, path: string): Promise<ClientReply | undefined> {
  return daemonClient(io)
    .send({ method: 'GET', path })
    .catch(() => undefined)
}
