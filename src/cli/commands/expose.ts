import { addressAdvice, splitAddresses } from '../addresses.ts'
import { answer, call } from '../daemon-client.ts'
import { CommandFailure, ExitStatus, type Io, UsageFailure } from '../io.ts'

/** The owner of the bridge's own addresses in IPAM and DNS. */
const OWNER = 'weave:expose'
const DISABLED = "IP address allocation must be enabled to use 'net:'"

export interface ExposeOptions {
  readonly h?: string
  readonly withoutMasquerade?: boolean
}

/** `weave expose [ADDRESS…] [-h FQDN]`: gives the host an address of the network. */
export async function expose(io: Io, words: readonly string[], options: ExposeOptions): Promise<number> {
  const cidrs: string[] = []
  for (const address of addressesOf(words)) cidrs.push(await allocate(io, address))
  for (const cidr of cidrs) {
    const form = new URLSearchParams(options.withoutMasquerade === true ? { skipNAT: 'true' } : {})
    await call(io, { method: 'POST', path: `/expose/${cidr}`, form })
    if (options.h !== undefined) {
      const fqdn = new URLSearchParams({ fqdn: options.h })
      await optional(io, { method: 'PUT', path: `/name/${OWNER}/${plain(cidr)}`, form: fqdn })
    }
  }
  io.out(`${cidrs.map(plain).join(' ')}\n`)
  return ExitStatus.ok
}

/** `weave hide [ADDRESS…]`: the reverse. Hiding what is not exposed succeeds (cli §1.15). */
export async function hide(io: Io, words: readonly string[]): Promise<number> {
  const cidrs: string[] = []
  for (const address of addressesOf(words)) {
    const ours = address.startsWith('net:')
    const found = ours ? await lookUp(io, address) : [address]
    for (const cidr of found) {
      await call(io, { method: 'DELETE', path: `/expose/${cidr}` })
      await optional(io, { method: 'DELETE', path: `/name/${OWNER}/${plain(cidr)}` })
      if (ours) await call(io, { method: 'DELETE', path: `/ip/${OWNER}/${plain(cidr)}` })
    }
    cidrs.push(...found)
  }
  io.out(`${cidrs.map(plain).join(' ')}\n`)
  return ExitStatus.ok
}

function addressesOf(words: readonly string[]): readonly string[] {
  const { addresses, rest } = splitAddresses(words)
  const [stray] = rest
  if (stray !== undefined) throw new UsageFailure(addressAdvice(stray) ?? '')
  return addresses.length === 0 ? ['net:default'] : addresses.map((address) => address.replace(/^ip:/, ''))
}

const plain = (cidr: string): string => cidr.replace(/\/.*$/, '')

async function allocate(io: Io, address: string): Promise<string> {
  if (!address.startsWith('net:')) {
    // Without IPAM there is nobody to claim it from.
    await optional(io, { method: 'PUT', path: `/ip/${OWNER}/${address}` })
    return address
  }
  const reply = await answer(io, { method: 'POST', path: ownerPath(address) })
  if (reply.status === 404) throw new CommandFailure(ExitStatus.failure, DISABLED)
  if (reply.status === 200 && reply.body !== 'cancelled') return reply.body
  throw new CommandFailure(ExitStatus.failure, reply.body.replace(/\n$/, ''))
}

async function lookUp(io: Io, address: string): Promise<string[]> {
  const reply = await answer(io, { method: 'GET', path: ownerPath(address) })
  if (reply.status === 404) throw new CommandFailure(ExitStatus.failure, DISABLED)
  if (reply.status !== 200) throw new CommandFailure(ExitStatus.failure, reply.body.replace(/\n$/, ''))
  return reply.body.split(' ').filter((cidr) => cidr !== '')
}

const ownerPath = (address: string): string =>
  address === 'net:default' ? `/ip/${OWNER}` : `/ip/${OWNER}/${address.slice('net:'.length)}`

/** A call to a part that may be switched off. */
async function optional(io: Io, request: Parameters<typeof answer>[1]): Promise<void> {
  const reply = await answer(io, request)
  if (reply.status >= 300 && reply.status !== 404) {
    throw new CommandFailure(ExitStatus.failure, reply.body.replace(/\n$/, ''))
  }
}
