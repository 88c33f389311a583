import { nameRequest, parseBody } from '../api/requests.ts'
import { noContent, type Route } from '../api/route.ts'
import type { Config } from '../config/options.ts'
import type { Dns } from '../dns/dns.ts'
import type { Container } from '../docker/engine/container.ts'
import type { EngineApi } from '../docker/engine/engine.ts'
import { hasDomain, ownName } from '../docker/names.ts'
import type { Host } from '../host/host.ts'
import { WeaveError } from '../lib/errors.ts'
import { type Ip4, parseIp4 } from '../lib/ip4.ts'

interface Parts {
  readonly dns: Dns
  /** Undefined on a host without Docker. */
  readonly engine: EngineApi | undefined
  readonly host: Host
  readonly config: Config
}

/** Owner of names that belong to no container. */
const EXTERN = 'weave:extern'

/** What `weave dns-add` and `dns-remove` ask: the owner's addresses and name are found here (cli §1.12). */
export function handNameRoutes(parts: Parts): Route[] {
  return [
    {
      method: 'POST',
      path: '/names',
      handle: async ({ json }) => {
        const { owner, addresses, fqdn } = await resolve(parts, json)
        const name = fqdn ?? owner.name
        if (name === undefined) return noContent
        for (const addr of addresses) {
          await parts.dns.names.add({ fqdn: name, containerId: owner.id, addr, byHand: true })
        }
        return noContent
      },
    },
    {
      method: 'POST',
      path: '/names/remove',
      handle: async ({ json }) => {
        const { owner, addresses, fqdn } = await resolve(parts, json)
        for (const addr of addresses) {
          await parts.dns.names.remove({
            containerId: owner.id,
            addr,
            ...(fqdn !== undefined && { hostname: fqdn }),
          })
        }
        return noContent
      },
    },
  ]
}

interface Resolved {
  readonly owner: { readonly id: string; readonly name: string | undefined }
  readonly addresses: readonly Ip4[]
  readonly fqdn: string | undefined
}

async function resolve(parts: Parts, body: unknown): Promise<Resolved> {
  const { container: wanted, addresses, fqdn } = parseBody(nameRequest, body)
  const given = addresses.map(parseIp4)
  if (wanted === undefined) return { owner: { id: EXTERN, name: undefined }, addresses: given, fqdn }

  const container = await findContainer(parts.engine, wanted)
  const name = ownName(container)
  return {
    owner: { id: container.id, name: hasDomain(name) ? name : undefined },
    addresses: given.length > 0 ? given : await addressesOf(parts, container),
    fqdn,
  }
}

async function findContainer(engine: EngineApi | undefined, wanted: string): Promise<Container> {
  const container = await engine?.container(wanted)
  if (container === undefined) {
    throw new WeaveError('container-unknown', `${wanted} container is not present. Have you launched it?`)
  }
  if (!container.running) throw new WeaveError('container-stopped', `${wanted} container is not running.`)
  return container
}

async function addressesOf({ host, config }: Parts, container: Container): Promise<readonly Ip4[]> {
  if (container.networkMode === 'host') return []
  const interfaces = await host.addresses(`${config.procPath}/${container.pid}/ns/net`)
  return interfaces.flatMap(({ cidrs }) => cidrs.map(({ addr }) => addr))
}
