import { WeaveError } from '../lib/errors.ts'
import { type Cidr, formatCidr, type Ip4 } from '../lib/ip4.ts'
import type { AddressRequest } from './address-request.ts'
import type { EngineApi } from './engine/engine.ts'
import { runningContainer } from './find-container.ts'
import { renderHosts, writeHosts } from './hosts-file.ts'
import { hasDomain, ownName } from './names.ts'

/** The allocator as attach and detach use it: addresses filed under the container's full id. */
export interface ContainerAddresses {
  readonly defaultSubnet: Cidr
  /** What the container has in the subnet already, else a new address; waits until `signal` aborts. */
  allocate(containerId: string, subnet: Cidr, signal: AbortSignal): Promise<Cidr>
  claim(containerId: string, cidr: Cidr, signal: AbortSignal): Promise<void>
  /** What the container has in the subnet. */
  lookup(containerId: string, subnet: Cidr): Promise<readonly Cidr[]>
  /** False when the container does not have it. */
  free(containerId: string, address: Ip4): Promise<boolean>
}

/** The host's networking as attach and detach use it. */
export interface NamespacePorts {
  attach(
    netnsPath: string,
    request: {
      readonly id: string
      readonly cidrs: readonly Cidr[]
      readonly multicastRoute?: boolean
    },
  ): Promise<{ readonly added: readonly Cidr[] }>
  detach(
    netnsPath: string,
    request: { readonly cidrs: readonly Cidr[] },
  ): Promise<{ readonly removed: readonly Cidr[] }>
}

/** Names of attached containers; absent with `--no-dns`. */
export interface AttachNames {
  register(containerId: string, address: Ip4, name: string): void
  forget(containerId: string, address?: Ip4): void
}

export interface AttachParts {
  readonly engine: EngineApi
  readonly addresses: ContainerAddresses
  readonly ports: NamespacePorts
  readonly names?: AttachNames
  readonly procPath?: string
}

export interface AttachOptions {
  /** Id or name. */
  readonly container: string
  /** The default subnet if empty. */
  readonly addresses: readonly AddressRequest[]
  readonly multicastRoute?: boolean
  readonly withoutDns?: boolean
  /** Writes the addresses and the extra hosts (`NAME:IP`) into the container's /etc/hosts. */
  readonly rewriteHosts?: { readonly extra: readonly string[] }
}

/**
 * Gives a running container an interface on the overlay with the addresses (cli §1.13). Doing it again changes
 * nothing and gives the same addresses. What was newly allocated is given back when it fails.
 */
export async function attachContainer(
  parts: AttachParts,
  options: AttachOptions,
  signal: AbortSignal,
): Promise<readonly Cidr[]> {
  const { engine, ports, names, procPath = '/proc' } = parts
  const container = await runningContainer(engine, options.container)
  const name = ownName(container)
  // Checked before anything is done: a misspelt entry must not leave a half attached container.
  if (options.rewriteHosts !== undefined) renderHosts({ name, addresses: [], ...options.rewriteHosts })
  const { cidrs, fresh } = await obtain(parts, container.id, orDefault(options.addresses), signal)
  try {
    await ports.attach(`${procPath}/${container.pid}/ns/net`, {
      id: String(container.pid),
      cidrs,
      multicastRoute: options.multicastRoute ?? true,
    })
  } catch (thrown) {
    for (const cidr of fresh) await parts.addresses.free(container.id, cidr.addr)
    if (thrown instanceof WeaveError && thrown.code === 'no-namespace') {
      throw new WeaveError('container-died', `Container ${container.id} died`, { cause: thrown })
    }
    throw thrown
  }

  if (options.rewriteHosts !== undefined && container.hostsPath !== '') {
    const addresses = cidrs.map(({ addr }) => addr)
    writeHosts(container.hostsPath, renderHosts({ name, addresses, ...options.rewriteHosts }))
  }
  if (options.withoutDns !== true && hasDomain(name)) {
    for (const { addr } of cidrs) names?.register(container.id, addr, name)
  }
  return cidrs
}

/** Takes the addresses away from the container (cli §1.14); it need not have any of them. */
export async function detachContainer(
  parts: AttachParts,
  options: Pick<AttachOptions, 'container' | 'addresses'>,
): Promise<readonly Cidr[]> {
  const { engine, addresses, ports, names, procPath = '/proc' } = parts
  const container = await runningContainer(engine, options.container)
  const found: { readonly request: AddressRequest; readonly cidrs: readonly Cidr[] }[] = []
  for (const request of orDefault(options.addresses)) {
    const cidrs =
      request.kind === 'address'
        ? [request.cidr]
        : await addresses.lookup(container.id, subnetOf(parts, request))
    found.push({ request, cidrs })
  }
  const cidrs = found.flatMap((each) => each.cidrs)
  if (cidrs.length === 0) return []

  await ports.detach(`${procPath}/${container.pid}/ns/net`, { cidrs })
  for (const { addr } of cidrs) names?.forget(container.id, addr)
  for (const { request, cidrs: mine } of found) {
    // An address that the user named may not come from the allocator; the container's death frees it if it does.
    if (request.kind === 'address') continue
    for (const { addr } of mine) await addresses.free(container.id, addr)
  }
  return cidrs
}

async function obtain(
  parts: AttachParts,
  containerId: string,
  requests: readonly AddressRequest[],
  signal: AbortSignal,
): Promise<{ readonly cidrs: readonly Cidr[]; readonly fresh: readonly Cidr[] }> {
  const cidrs: Cidr[] = []
  const fresh: Cidr[] = []
  try {
    for (const request of requests) {
      const subnet = request.kind === 'address' ? request.cidr : subnetOf(parts, request)
      const before = await parts.addresses.lookup(containerId, subnet)
      const cidr =
        request.kind === 'address'
          ? request.cidr
          : await parts.addresses.allocate(containerId, subnet, signal)
      if (request.kind === 'address') await parts.addresses.claim(containerId, cidr, signal)
      if (!before.some(({ addr }) => addr === cidr.addr)) fresh.push(cidr)
      if (!cidrs.some((other) => formatCidr(other) === formatCidr(cidr))) cidrs.push(cidr)
    }
  } catch (thrown) {
    for (const cidr of fresh) await parts.addresses.free(containerId, cidr.addr)
    throw thrown
  }
  return { cidrs, fresh }
}

const orDefault = (requests: readonly AddressRequest[]): readonly AddressRequest[] =>
  requests.length === 0 ? [{ kind: 'default' }] : requests

function subnetOf(parts: AttachParts, request: Exclude<AddressRequest, { kind: 'address' }>): Cidr {
  return request.kind === 'default' ? parts.addresses.defaultSubnet : request.subnet
}
