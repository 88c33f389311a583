import type { Container, ContainerNetwork } from './engine/container.ts'

/**
 * The names that a container on one of our networks gets in weaveDNS (plugin §4.6): its host name with its domain,
 * its container name in our domain, and its aliases on the network, in our domain if they have none. The name
 * server ignores those outside its domain.
 */
export function dnsNames(container: Container, network: ContainerNetwork, domain: string): readonly string[] {
  // Docker makes the short id an alias of every container: nobody types that.
  const aliases = network.aliases.filter((alias) => alias !== container.id.slice(0, 12))
  const inDomain = (name: string): string => (name.includes('.') ? name : `${name}.${domain}`)
  const own = ownName(container)
  const names = [...(hasDomain(own) ? [own] : []), `${container.name}.${domain}`, ...aliases.map(inDomain)]
  return [...new Map(names.map((name) => [canonical(name), name])).values()]
}

/** The container's own full name, `HOSTNAME.DOMAINNAME`; without a domain part there is none to register. */
export function ownName(container: Container): string {
  const { hostname, domainname } = container
  return domainname === '' ? hostname : `${hostname}.${domainname}`
}

/** Whether a name has something after its first dot: only then `weave attach` registers it. */
export const hasDomain = (name: string): boolean =>
  name.slice(name.indexOf('.') + 1).length > 0 && name.includes('.')

/** Names that differ in nothing but letter case or a final dot are one name. */
const canonical = (name: string): string => name.toLowerCase().replace(/\.$/, '')
