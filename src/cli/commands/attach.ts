import { addressAdvice, splitAddresses } from '../addresses.ts'
import { call } from '../daemon-client.ts'
import { ExitStatus, type Io, UsageFailure } from '../io.ts'

export interface AttachOptions {
  readonly withoutDns?: boolean
  readonly multicastRoute: boolean
  readonly rewriteHosts?: boolean
  readonly addHost?: readonly string[]
}

/** `weave attach [ADDRESS…] CONTAINER`: prints the addresses without prefix lengths on one line. */
export async function attach(io: Io, words: readonly string[], options: AttachOptions): Promise<number> {
  const { addresses, container } = containerLast(words)
  const request = {
    container,
    addresses,
    dns: options.withoutDns !== true,
    multicastRoute: options.multicastRoute,
    rewriteHosts: options.rewriteHosts ?? false,
    extraHosts: options.addHost ?? [],
  }
  printAddresses(io, await call(io, { method: 'POST', path: '/attach', json: request }))
  return ExitStatus.ok
}

/** `weave detach [ADDRESS…] CONTAINER`. */
export async function detach(io: Io, words: readonly string[]): Promise<number> {
  printAddresses(io, await call(io, { method: 'POST', path: '/detach', json: containerLast(words) }))
  return ExitStatus.ok
}

function containerLast(words: readonly string[]): { addresses: string[]; container: string } {
  const { addresses, rest } = splitAddresses(words)
  const [container, ...more] = rest
  if (container === undefined || more.length > 0) throw new UsageFailure(addressAdvice(container ?? '') ?? '')
  return { addresses, container }
}

/** Scripts take the line for the list of addresses; nothing attached is nothing printed. */
export function printAddresses(io: Io, body: string): void {
  const { addresses } = JSON.parse(body) as { readonly addresses: readonly string[] }
  if (addresses.length > 0) io.out(`${addresses.map((cidr) => cidr.replace(/\/.*$/, '')).join(' ')}\n`)
}
