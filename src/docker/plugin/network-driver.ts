import { messageOf, WeaveError } from '../../lib/errors.ts'
import type { Log } from '../../lib/log.ts'
import { formatMac, parseMac } from '../../lib/mac.ts'
import type { EndpointPorts } from '../ports.ts'
import { readNetworkOptions, userOptions } from './network-options.ts'
import { type Methods, method, type Reply, type Request } from './protocol.ts'
import type { NetworkRecord, PluginRecords } from './records.ts'

/** Which of Docker's machines a network spans: one, or all that share a cluster store. */
export type Scope = 'local' | 'global'

interface NetworkDriverParts {
  /** The driver's name: its socket's, without `.sock`. */
  readonly name: string
  readonly scope: Scope
  readonly ports: EndpointPorts
  readonly records: PluginRecords
  /** Asks Docker about a network that we know nothing of; undefined when Docker cannot tell. */
  readonly lookUp: (networkId: string, driver: string) => Promise<NetworkRecord | undefined>
  /** Whether networks that do not say get the multicast route. */
  readonly multicastDefault: boolean
  readonly log: Log
}

const multicastRoute = { Destination: '224.0.0.0/4', RouteType: 1, NextHop: '' }
const done = { Err: '' }
/** Interface names take 9 characters of the endpoint's id. */
const endpointIdFormat = /^[0-9a-zA-Z]{9,128}$/

/** Docker's NetworkDriver (plugin §2.1, §4.5): networks are options, endpoints are cables to the bridge. */
export class NetworkDriver {
  readonly methods: Methods
  readonly #name: string
  readonly #ports: EndpointPorts
  readonly #records: PluginRecords
  readonly #lookUp: NetworkDriverParts['lookUp']
  readonly #multicastDefault: boolean
  readonly #log: Log

  constructor(parts: NetworkDriverParts) {
    this.#name = parts.name
    this.#ports = parts.ports
    this.#records = parts.records
    this.#lookUp = parts.lookUp
    this.#multicastDefault = parts.multicastDefault
    this.#log = parts.log
    this.methods = {
      'NetworkDriver.GetCapabilities': method('none', () => ({
        Err: '',
        Scope: parts.scope,
        ConnectivityScope: '',
      })),
      'NetworkDriver.AllocateNetwork': method('network', (request) => ({
        Err: '',
        Options: request.Options,
      })),
      'NetworkDriver.FreeNetwork': method('network', () => ({})),
      'NetworkDriver.CreateNetwork': method('createNetwork', (request) => this.#createNetwork(request)),
      'NetworkDriver.DeleteNetwork': method('network', (request) => this.#deleteNetwork(request)),
      'NetworkDriver.CreateEndpoint': method('createEndpoint', (request) => this.#createEndpoint(request)),
      'NetworkDriver.DeleteEndpoint': method('endpoint', (request) => this.#deleteEndpoint(request)),
      'NetworkDriver.EndpointOperInfo': method('endpoint', () => ({ Err: '', Value: {} })),
      'NetworkDriver.Join': method('join', (request) => this.#join(request)),
      'NetworkDriver.Leave': method('endpoint', (request) => this.#leave(request)),
      // Published ports go through docker_gwbridge, as Join names no gateway.
      'NetworkDriver.ProgramExternalConnectivity': method('endpoint', () => done),
      'NetworkDriver.RevokeExternalConnectivity': method('endpoint', () => done),
      'NetworkDriver.DiscoverNew': method('none', () => done),
      'NetworkDriver.DiscoverDelete': method('none', () => done),
    }
  }

  async #createNetwork(request: Request<'createNetwork'>): Promise<object> {
    const options = readNetworkOptions(userOptions(request.Options))
    if (options.unknown.length > 0) {
      this.#log.warn('network options that mean nothing here', {
        network: request.NetworkID.slice(0, 12),
        options: options.unknown,
      })
    }
    const reserved = request.IPv4Data.flatMap((pool) => [pool.Gateway, ...Object.values(pool.AuxAddresses)])
    await this.#records.networks.put(request.NetworkID, {
      driver: this.#name,
      multicast: options.multicast ?? this.#multicastDefault,
      ...(options.mtu !== undefined && { mtu: options.mtu }),
      reserved: reserved.flatMap((cidr) => cidr.split('/', 1)).filter((address) => address !== ''),
    })
    return {}
  }

  async #deleteNetwork(request: Request<'network'>): Promise<object> {
    await this.#records.networks.delete(request.NetworkID)
    return {}
  }

  async #createEndpoint(request: Request<'createEndpoint'>): Promise<Reply> {
    const { NetworkID: networkId, EndpointID: id, Interface: wanted } = request
    if (wanted === undefined) {
      throw new WeaveError(
        'plugin-endpoint',
        'Not supported: creating an interface from within CreateEndpoint',
      )
    }
    checkEndpointId(id)
    const network = await this.#network(networkId)
    const mac = wanted.MacAddress === '' ? undefined : parseMac(wanted.MacAddress)
    const remove = async (): Promise<void> => {
      await this.#ports.deleteEndpoint(id)
      await this.#records.endpoints.delete(id)
    }

    // The record comes first: a cable without one would stay for ever if we died in between.
    const address = wanted.Address.split('/', 1)[0]
    await this.#records.endpoints.put(id, { networkId, ...(address && { address }) })
    try {
      const endpoint = await this.#ports.createEndpoint(id, {
        ...(mac !== undefined && { mac }),
        ...(network.mtu !== undefined && { mtu: network.mtu }),
      })
      // Docker takes an address back that it gave for an attempt to change it.
      const answered = mac === undefined ? formatMac(endpoint.mac) : ''
      return {
        answer: { Err: '', Interface: { Address: '', AddressIPv6: '', MacAddress: answered } },
        undo: remove,
      }
    } catch (thrown) {
      await remove()
      throw thrown
    }
  }

  async #deleteEndpoint(request: Request<'endpoint'>): Promise<object> {
    checkEndpointId(request.EndpointID)
    try {
      await this.#ports.deleteEndpoint(request.EndpointID)
    } catch (thrown) {
      // The cable dies with the container's namespace anyway; an error would only keep Docker from cleaning up.
      this.#log.warn('could not remove the cable of an endpoint', {
        endpoint: request.EndpointID.slice(0, 12),
        error: messageOf(thrown),
      })
    }
    await this.#records.endpoints.delete(request.EndpointID)
    return {}
  }

  async #join(request: Request<'join'>): Promise<object> {
    const { NetworkID: networkId, EndpointID: id, SandboxKey: sandbox } = request
    checkEndpointId(id)
    const network = await this.#network(networkId)
    const multicast = network.multicast && !this.#routesMulticast(sandbox, id)
    const known = this.#records.endpoints.get(id)
    await this.#records.endpoints.put(id, { ...known, networkId, sandbox, multicast })
    return {
      Err: '',
      InterfaceName: { SrcName: `vethwg${id.slice(0, 9)}`, DstName: '', DstPrefix: 'ethwe' },
      Gateway: '',
      GatewayIPv6: '',
      StaticRoutes: multicast ? [multicastRoute] : null,
      DisableGatewayService: false,
    }
  }

  async #leave(request: Request<'endpoint'>): Promise<object> {
    const known = this.#records.endpoints.get(request.EndpointID)
    if (known?.sandbox !== undefined) {
      const { networkId, address } = known
      await this.#records.endpoints.put(request.EndpointID, { networkId, ...(address && { address }) })
    }
    return {}
  }

  /** A second multicast route in one container makes Docker fail (upstream issue #1960): the first one stays. */
  #routesMulticast(sandbox: string, except: string): boolean {
    for (const [id, endpoint] of this.#records.endpoints.entries()) {
      if (id !== except && endpoint.multicast === true && endpoint.sandbox === sandbox) return true
    }
    return false
  }

  async #network(id: string): Promise<NetworkRecord> {
    const known = this.#records.networks.get(id)
    if (known !== undefined) return known
    const found = await this.#lookUp(id, this.#name)
    if (found === undefined) {
      throw new WeaveError(
        'plugin-network',
        `network ${id.slice(0, 12)} is not known to driver ${this.#name}, and Docker does not tell about it`,
      )
    }
    await this.#records.networks.put(id, found)
    return found
  }
}

function checkEndpointId(id: string): void {
  if (!endpointIdFormat.test(id)) {
    throw new WeaveError(
      'plugin-endpoint',
      `endpoint id ${JSON.stringify(id.slice(0, 140))} is none of Docker's`,
    )
  }
}
