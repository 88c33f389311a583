import ipaddr from 'ipaddr.js'

/**
 * The name servers that a resolv.conf lists, in its order, each once. Everything else in it is skipped, whatever
 * systemd-resolved writes (resolv.conf(5)); what is no address is too. An IPv6 address keeps its `%zone`.
 */
export function nameserversOf(text: string): string[] {
  const servers = text.split('\n').flatMap((line) => {
    const [keyword, address] = line.trim().split(/\s+/)
    if (keyword !== 'nameserver' || address === undefined || !ipaddr.isValid(address.replace(/%.*/, '')))
      return []
    return [address]
  })
  return [...new Set(servers)]
}
