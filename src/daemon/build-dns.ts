import type { Config } from '../config/options.ts'
import { Dns } from '../dns/dns.ts'
import { type ListenAddress, parseListenAddress } from '../dns/listen-address.ts'
import { systemClock } from '../lib/clock.ts'
import { formatIp4, type Ip4 } from '../lib/ip4.ts'
import type { Log } from '../lib/log.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { systemRng } from '../lib/rng.ts'
import { DnsServer } from '../native/dns.ts'
import type { NodeState } from './node-state.ts'

const DNS_PORT = 53

/** Where containers find the server, unless told otherwise: the address that all of them reach, Docker's bridge. */
const onBridge = (address: Ip4): ListenAddress => ({ host: formatIp4(address), port: DNS_PORT })

/** Serves names on Docker's bridge, which has come up or changed its address; not when users chose addresses. */
export async function serveOnBridge(dns: Dns, config: Config, address: Ip4): Promise<void> {
  if (config.dnsListenAddress === '') await dns.listen(onBridge(address))
}

function listenAddresses(config: Config, bridge: Ip4 | undefined, log: Log): readonly ListenAddress[] {
  if (config.dnsListenAddress !== '') {
    return config.dnsListenAddress.split(',').map((text) => parseListenAddress(text.trim()))
  }
  if (bridge !== undefined) return [onBridge(bridge)]
  log.warn('names are served once there is a Docker bridge, or where --dns-listen-address says', {
    bridge: config.dockerBridge,
  })
  return []
}

/** `bridge`: the address of Docker's bridge, as far as there is one. */
export function buildDns(
  modules: { readonly log: Log; readonly state: NodeState },
  config: Config,
  peer: { readonly name: PeerName; readonly isKnown: (name: PeerName) => boolean },
  bridge: Ip4 | undefined,
): Dns {
  const { log, state } = modules
  return new Dns(
    {
      clock: systemClock,
      rng: systemRng,
      log: log.child({ part: 'dns' }),
      openFastServer: (onRequest, bounds) => new DnsServer(onRequest, bounds),
      store: { load: () => state.dnsNames, save: (bytes) => state.saveDnsNames(bytes) },
    },
    {
      name: peer.name,
      isKnownPeer: peer.isKnown,
      domain: config.dnsDomain,
      listen: listenAddresses(config, bridge, log),
      ttlSec: config.dnsTtl,
      fallbackTimeout: config.dnsFallbackTimeout,
      resolvConf: config.resolvConf === '' ? undefined : config.resolvConf,
    },
  )
}
