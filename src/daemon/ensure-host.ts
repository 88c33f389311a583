import { parseListenAddress } from '../api/listen-address.ts'
import type { Config } from '../config/options.ts'
import type { Host } from '../host/host.ts'
import type { FirewallSpec } from '../host/types.ts'
import type { Ip4 } from '../lib/ip4.ts'
import type { Mac } from '../lib/mac.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { containerMtu } from './data-path.ts'

/** Bridge and firewall as the configuration wants them; what is there already is adopted. */
export async function ensureHost(host: Host, config: Config, name: PeerName): Promise<void> {
  // A peer name is a MAC address by design: old tools read it off the bridge.
  await host.ensureBridge({ mac: Number(name) as Mac, mtu: containerMtu(config) })
  await host.ensureFirewall(await firewallSpec(host, config))
}

/** What our rules are made from; the same for making and removing them. */
export async function firewallSpec(host: Host, config: Config): Promise<FirewallSpec> {
  const { port, dockerBridge, httpAddr } = config
  const control = httpAddr === '' ? undefined : parseListenAddress(httpAddr)
  const docker = await dockerBridgeAddress(host, config)
  return {
    port,
    ...(control?.kind === 'tcp' && { controlPort: control.port }),
    ...(docker !== undefined && { dockerBridge: { name: dockerBridge, address: docker } }),
  }
}

/** Undefined while there is no such bridge, or it has no address. */
export async function dockerBridgeAddress(host: Host, { dockerBridge }: Config): Promise<Ip4 | undefined> {
  return dockerBridge === '' ? undefined : (await host.interfaceAddress(dockerBridge))?.addr
}
