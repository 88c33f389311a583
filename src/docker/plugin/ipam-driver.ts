import type { Clock } from '../../lib/clock.ts'
import { WeaveError } from '../../lib/errors.ts'
import { type Cidr, formatCidr, formatIp4, networkOf, tryParseCidr, tryParseIp4 } from '../../lib/ip4.ts'
import { type AddressPool, type EndpointPorts, endpointPort, type JoinedPorts } from '../ports.ts'
import { contains, formatPoolId, type Pool, parsePoolId } from './pool-id.ts'
import { type Methods, method, type Reply, type Request } from './protocol.ts'
import type { PluginRecords } from './records.ts'

interface IpamDriverParts {
  readonly addresses: AddressPool
  readonly ports: EndpointPorts
  readonly joined: JoinedPorts
  readonly records: PluginRecords
  readonly clock: Clock
}

/** How long Docker may take from an address to its endpoint; then the address counts as forgotten by Docker. */
const freshFor = 60_000

/** Docker's IpamDriver (plugin §2.2, §4.5) on the network-wide allocator. */
export class IpamDriver {
  readonly methods: Methods
  readonly #addresses: AddressPool
  readonly #ports: EndpointPorts
  readonly #joined: JoinedPorts
  readonly #records: PluginRecords
  readonly #clock: Clock
  /** When Docker got which address. */
  readonly #given = new Map<string, number>()
  #lastGrant = 0

  constructor(parts: IpamDriverParts) {
    this.#addresses = parts.addresses
    this.#ports = parts.ports
    this.#joined = parts.joined
    this.#records = parts.records
    this.#clock = parts.clock
    this.methods = {
      'IpamDriver.GetCapabilities': method('none', () => ({
        RequiresMACAddress: false,
        RequiresRequestReplay: false,
      })),
      'IpamDriver.GetDefaultAddressSpaces': method('none', () => ({
        Error: '',
        LocalDefaultAddressSpace: 'weavelocal',
        GlobalDefaultAddressSpace: 'weaveglobal',
      })),
      'IpamDriver.RequestPool': method('requestPool', (request) => this.#requestPool(request)),
      'IpamDriver.ReleasePool': method('releasePool', () => ({})),
      'IpamDriver.RequestAddress': method('requestAddress', (request, signal) =>
        this.#requestAddress(request, signal),
      ),
      'IpamDriver.ReleaseAddress': method('releaseAddress', (request) => this.#releaseAddress(request)),
    }
  }

  async #requestPool(request: Request<'requestPool'>): Promise<object> {
    if (request.V6) {
      throw new WeaveError(
        'plugin-pool',
        'weavemesh has no IPv6 addresses to give; leave out --ipv6, or leave out --ipam-driver to let Docker give them',
      )
    }
    const subnet = await this.#subnetOf(request.Pool)
    const range = request.SubPool === '' ? subnet : networkOf(readCidr(request.SubPool))
    if (!contains(subnet, range)) {
      throw new WeaveError(
        'plugin-pool',
        `range ${formatCidr(range)} is not inside subnet ${formatCidr(subnet)}`,
      )
    }
    return {
      Error: '',
      PoolID: formatPoolId({ subnet, range }),
      Pool: formatCidr(subnet),
      // Without a gateway in the answer Docker would take a real address for one that nobody uses.
      Data: { 'com.docker.network.gateway': formatCidr(subnet) },
    }
  }

  async #subnetOf(pool: string): Promise<Cidr> {
    if (pool !== '') return networkOf(readCidr(pool))
    const subnet = this.#addresses.defaultSubnet
    // Docker refuses a pool that it did not ask for by name and that overlaps the host: by asking again, without end.
    const overlap = await this.#ports.overlap(subnet)
    if (overlap === undefined) return subnet
    throw new WeaveError(
      'plugin-pool',
      `default subnet ${formatCidr(subnet)}: ${overlap}; name it to use it all the same: --subnet ${formatCidr(subnet)}`,
    )
  }

  async #requestAddress(request: Request<'requestAddress'>, signal: AbortSignal): Promise<Reply> {
    const pool = this.#pool(request.PoolID)
    const wanted = tryParseIp4(request.Address)
    const address = wanted ?? (await this.#allocate(pool, signal))
    const text = formatIp4(address)
    if (wanted !== undefined) await this.#claim(pool, text, signal)

    this.#given.set(text, this.#clock.now())
    await this.#records.leases.put(text, { poolId: request.PoolID, grant: this.#nextGrant() })
    return {
      answer: { Error: '', Address: `${text}/${pool.subnet.prefixLen}`, Data: null },
      undo: async () => this.#release(text),
    }
  }

  #nextGrant(): number {
    this.#lastGrant = Math.max(this.#lastGrant + 1, this.#clock.wall())
    return this.#lastGrant
  }

  async #allocate(pool: Pool, signal: AbortSignal): Promise<Cidr['addr']> {
    try {
      return await this.#addresses.allocate(pool.range, signal)
    } catch (thrown) {
      if (!signal.aborted) throw thrown
      throw new WeaveError(
        'plugin-address',
        `no address in ${formatCidr(pool.range)} yet: ${this.#reason(thrown)}`,
        { cause: thrown },
      )
    }
  }

  /** What was waited for: the allocator says it of the very request, or of all of them. */
  #reason(thrown: unknown): string {
    const why = thrown instanceof WeaveError ? thrown.meta['why'] : undefined
    return typeof why === 'string' ? why : this.#addresses.status()
  }

  async #claim(pool: Pool, text: string, signal: AbortSignal): Promise<void> {
    if (await this.#isHeld(text)) {
      throw new WeaveError('plugin-address', `address ${text} is already in use by a container on this host`)
    }
    const addr = tryParseIp4(text)
    if (addr === undefined) return
    try {
      await this.#addresses.claim({ addr, prefixLen: pool.subnet.prefixLen }, signal)
    } catch (thrown) {
      if (!signal.aborted) throw thrown
      throw new WeaveError('plugin-address', `cannot have ${text} yet: ${this.#reason(thrown)}`, {
        cause: thrown,
      })
    }
  }

  /**
   * The allocator gives an address again to whom it has it already, so two containers asking for one address are
   * told apart here: it is held if Docker got it just now, or if a container hangs on its endpoint's cable. What a
   * crash left behind is not held.
   */
  async #isHeld(text: string): Promise<boolean> {
    const given = this.#given.get(text)
    if (given !== undefined && this.#clock.now() - given < freshFor) return true
    const endpoints = [...this.#records.endpoints.entries()].filter(
      ([, endpoint]) => endpoint.address === text,
    )
    if (endpoints.length === 0) return false
    const joined = await this.#joined()
    return endpoints.some(([id]) => joined.has(endpointPort(id)))
  }

  async #releaseAddress(request: Request<'releaseAddress'>): Promise<object> {
    const pool = parsePoolId(request.PoolID, this.#addresses.defaultSubnet)
    const address = tryParseIp4(request.Address)
    // The gateway that RequestPool made up: Docker gives it back although it never requested it. So it does for the
    // IPv6 pools of networks that the original made.
    const madeUp = address === undefined || address === pool?.subnet.addr
    if (!madeUp) await this.#release(formatIp4(address))
    return {}
  }

  /** Unknown addresses are fine: Docker gives back what it has when it cleans up after a crash, ours or its own. */
  async #release(text: string): Promise<void> {
    const address = tryParseIp4(text)
    if (address === undefined) return
    this.#given.delete(text)
    await this.#addresses.free(address)
    await this.#records.leases.delete(text)
  }

  #pool(id: string): Pool {
    const pool = parsePoolId(id, this.#addresses.defaultSubnet)
    if (pool === undefined) throw new WeaveError('plugin-pool', `Unrecognized pool ID: ${id}`)
    return pool
  }
}

function readCidr(text: string): Cidr {
  const cidr = tryParseCidr(text)
  if (cidr === undefined) throw new WeaveError('plugin-pool', `invalid CIDR address: ${text}`)
  return cidr
}
