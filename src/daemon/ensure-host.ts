import { parseListenAddress } from '../api/listen-address.ts'
import type { Config } from '../config/options.ts'
import type { Host } from '../host/host.ts'
import type { FirewallSpec } from '../host/types.ts'
import type { Ip4 } from '../lib/ip4.ts'
import type { Mac } from '../lib/mac.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { DEFAULT_MTU } from '../overlay/constants.ts'
import { canFollow } from '../overlay/device-mtu.ts'

/** Bridge and firewall as the configuration wants them; what is there already is adopted. */
export async function ensureHost(host: Host, config: Config, name: PeerName, mtu: number): Promise<void> {
  // A peer name is a MAC address by design: old tools read it off the bridge.
  await host.ensureBridge({ mac: Number(name) as Mac, mtu })
  await host.ensureFirewall(await firewallSpec(host, config))
}

/** What containers have: as the user says, else as it was when weave ran last, else the default. */
export async function initialMtu(host: Host, config: Config): Promise<number> {
  if (config.mtu !== 0) return config.mtu
  const kept = await host.bridgeMtu()
  return kept !== undefined && canFollow(kept) ? kept : DEFAULT_MTU
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
