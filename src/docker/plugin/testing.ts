import { WeaveError } from '../../lib/errors.ts'
import { type Cidr, cidrRange, formatIp4, type Ip4, parseCidr } from '../../lib/ip4.ts'
import { type Mac, parseMac } from '../../lib/mac.ts'
import { type AddressPool, type EndpointPorts, endpointPort } from '../ports.ts'

/** Cables in a map: what the host part does, without a kernel. */
export class FakePorts implements EndpointPorts {
  readonly cables = new Map<string, { readonly mac: Mac; readonly mtu: number | undefined }>()
  /** Endpoints whose far end a container has. */
  readonly inContainers = new Set<string>()
  /** Thrown by the next call that makes a cable. */
  failure: Error | undefined
  collision: string | undefined

  async createEndpoint(
    id: string,
    options: { readonly mac?: Mac; readonly mtu?: number },
  ): Promise<{ readonly host: string; readonly guest: string; readonly mac: Mac }> {
    if (this.failure !== undefined) throw this.failure
    const mac = options.mac ?? parseMac('02:00:00:00:00:01')
    this.cables.set(id, { mac, mtu: options.mtu })
    return { host: `vethwl${id.slice(0, 9)}`, guest: `vethwg${id.slice(0, 9)}`, mac }
  }

  async deleteEndpoint(id: string): Promise<void> {
    this.cables.delete(id)
    this.inContainers.delete(id)
  }

  async joined(): Promise<ReadonlySet<string>> {
    return new Set([...this.inContainers].map(endpointPort))
  }

  async overlap(): Promise<string | undefined> {
    return this.collision
  }
}

/** Hands out the addresses of one peer that owns everything. */
export class FakePool implements AddressPool {
  readonly defaultSubnet = parseCidr('10.32.0.0/12')
  readonly owned = new Set<string>()
  /** Never answers: the ring has no consensus. */
  stuck = false

  async allocate(range: Cidr, signal: AbortSignal): Promise<Ip4> {
    if (this.stuck) await aborted(signal)
    const { start, end } = cidrRange(range)
    for (let addr = start + 1; addr < end - 1; addr++) {
      if (this.owned.has(formatIp4(addr))) continue
      this.owned.add(formatIp4(addr))
      return addr as Ip4
    }
    throw new WeaveError('no-space', 'no address left')
  }

  async claim(cidr: Cidr, signal: AbortSignal): Promise<void> {
    if (this.stuck) await aborted(signal)
    this.owned.add(formatIp4(cidr.addr))
  }

  async free(address: Ip4): Promise<boolean> {
    return this.owned.delete(formatIp4(address))
  }

  status(): string {
    return 'awaiting consensus (quorum: 2, known: 1)'
  }
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason))
  })
