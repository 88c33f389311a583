import type { ClientReply } from '../../api/client.ts'
import { splitPlainAddresses } from '../addresses.ts'
import { call, daemonClient } from '../daemon-client.ts'
import { ExitStatus, type Io, UsageFailure } from '../io.ts'

export interface NameOptions {
  readonly h?: string
}

/** `weave dns-args`: options for `docker run`, without a line break; nothing when DNS is off. */
export async function dnsArgs(io: Io): Promise<number> {
  const domain = await silently(io, '/domain')
  if (domain === undefined) return ExitStatus.unreachable
  const address = await silently(io, '/dns-address')
  if (domain.status === 200 && address?.status === 200) {
    io.out(`--dns=${address.body} --dns-search=${domain.body}`)
  }
  return ExitStatus.ok
}

/** `weave dns-lookup NAME`: one address on a line; nothing for an unknown name (cli §1.12). */
export async function dnsLookup(io: Io, name: string): Promise<number> {
  const server = await silently(io, '/dns-address-port')
  if (server === undefined) return ExitStatus.unreachable
  if (server.status !== 200) return ExitStatus.disabled
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
export async function dnsAdd(io: Io, words: readonly string[], { h }: NameOptions): Promise<number> {
  await call(io, { method: 'POST', path: '/names', json: nameRequest(words, h) })
  return ExitStatus.ok
}

/** `weave dns-remove`, with the same words. */
export async function dnsRemove(io: Io, words: readonly string[], { h }: NameOptions): Promise<number> {
  await call(io, { method: 'POST', path: '/names/remove', json: nameRequest(words, h) })
  return ExitStatus.ok
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
