import type { Config } from '../config/options.ts'
import { Dns } from '../dns/dns.ts'
import { type ListenAddress, parseListenAddress } from '../dns/listen-address.ts'
import type { Host } from '../host/host.ts'
import { systemClock } from '../lib/clock.ts'
import { formatIp4 } from '../lib/ip4.ts'
import type { Log } from '../lib/log.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { systemRng } from '../lib/rng.ts'
import { DnsServer } from '../native/dns.ts'
import type { NodeState } from './node-state.ts'

const DNS_PORT = 53

/** Where containers find the server: the address that all of them reach, Docker's bridge, unless told otherwise. */
async function listenAddresses(config: Config, host: Host, log: Log): Promise<readonly ListenAddress[]> {
  if (config.dnsListenAddress !== '') {
    return config.dnsListenAddress.split(',').map((text) => parseListenAddress(text.trim()))
  }
  const bridge = config.dockerBridge === '' ? undefined : await host.interfaceAddress(config.dockerBridge)
  if (bridge !== undefined) return [{ host: formatIp4(bridge.addr), port: DNS_PORT }]
  log.warn(
    'names are not served: there is no Docker bridge; use --dns-listen-address to serve them elsewhere',
    {
      bridge: config.dockerBridge,
    },
  )
  return []
}

export async function buildDns(
  modules: { readonly log: Log; readonly host: Host; readonly state: NodeState },
  config: Config,
  peer: { readonly name: PeerName; readonly isKnown: (name: PeerName) => boolean },
): Promise<Dns> {
  const { log, host, state } = modules
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
      listen: await listenAddresses(config, host, log),
      ttlSec: config.dnsTtl,
      fallbackTimeout: config.dnsFallbackTimeout,
      resolvConf: config.resolvConf === '' ? undefined : config.resolvConf,
    },
  )
}
