import type { Container, ContainerNetwork } from './engine/container.ts'

/**
 * The names that a container on one of our networks gets in weaveDNS (plugin §4.6): its host name with its domain,
 * its container name in our domain, and its aliases on the network as they are. The name server ignores those
 * outside its domain.
 */
export function dnsNames(container: Container, network: ContainerNetwork, domain: string): readonly string[] {
  const own = ownName(container)
  const names = [own, `${container.name}.${domain}`, ...network.aliases].filter((name) => name.includes('.'))
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
