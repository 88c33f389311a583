import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type { AttachedInterface } from '../api/control.ts'
import { readLaunchRecord } from '../config/launch-record.ts'
import { loadConfig, takeOver } from '../config/load.ts'
import type { Config } from '../config/options.ts'
import { RUNTIME_DIRECTORY } from '../config/places.ts'
import { defaultEngineAddress, parseEngineAddress } from '../docker/engine/address.ts'
import { Engine } from '../docker/engine/engine.ts'
import { attachments } from '../docker/ps.ts'
import { Host } from '../host/host.ts'
import { examineHost } from '../host/probe/doctor.ts'
import { type Finding, needsAttention } from '../host/probe/finding.ts'
import { messageOf } from '../lib/errors.ts'
import { formatCidr, formatIp4 } from '../lib/ip4.ts'
import { silentLog } from '../lib/log.ts'
import { formatMac } from '../lib/mac.ts'
import { EXPOSE_IDENT } from './build-ipam.ts'
import { containerFindings, unknownContainers } from './doctor-containers.ts'
import { firewallSpec } from './ensure-host.ts'

/** What the commands do to this host while no daemon runs. */

type Environment = Readonly<Record<string, string | undefined>>

/** The first IPv4 address of an interface of the host. */
export async function interfaceAddress(name: string): Promise<string | undefined> {
  const host = new Host({ log: silentLog })
  try {
    const cidr = await host.interfaceAddress(name)
    return cidr && formatIp4(cidr.addr)
  } finally {
    await host.stop()
  }
}

/** Undefined when there is no bridge. */
export async function bridgeType(): Promise<string | undefined> {
  const host = new Host({ log: silentLog })
  try {
    const type = await host.bridgeType()
    if (type !== 'bridge') return type === 'none' ? undefined : type
    // Ours is a bridge with a switch beside it: that is what the original calls bridged.
    const { links } = await host.inventory()
    return links.includes('vethwe-datapath') ? 'bridged_fastdp' : 'bridge'
  } finally {
    await host.stop()
  }
}

/** What `weave doctor` tells; works without daemon and without root. */
export async function examine(
  environment: Environment,
): Promise<{ readonly findings: readonly Finding[]; readonly healthy: boolean }> {
  const launched = readLaunchRecord()
  const { config } = launched === undefined ? loadConfig([], environment) : takeOver(launched.argv, {})
  const findings = [
    ...(await examineHost({ bridge: config.weaveBridge, port: config.port })),
    ...(await examineContainers(environment)),
  ]
  return { findings, healthy: !findings.some(needsAttention) }
}

async function examineContainers(environment: Environment): Promise<readonly Finding[]> {
  try {
    const attached = await attachedWithoutDaemon(environment, [])
    return containerFindings(attached.filter(({ id }) => id !== EXPOSE_IDENT))
  } catch (thrown) {
    return [unknownContainers(messageOf(thrown))]
  }
}

/** `weave ps` without the daemon: nothing when there is no bridge (cli §1.11). */
export async function attachedWithoutDaemon(
  environment: Environment,
  containers: readonly string[],
): Promise<readonly AttachedInterface[]> {
  const host = new Host({ log: silentLog })
  try {
    const mac = await host.bridgeMac()
    if (mac === undefined) return []
    const named = containers.filter((container) => container !== EXPOSE_IDENT)
    const showsBridge = containers.length === 0 || named.length < containers.length
    const exposed = await host.exposed()
    const bridge = {
      id: EXPOSE_IDENT,
      mac: formatMac(mac),
      cidrs: exposed.map(({ cidr }) => formatCidr(cidr)),
    }
    const wanted = containers.length === 0 ? undefined : named
    const engine = new Engine(
      parseEngineAddress(environment['DOCKER_HOST'] || defaultEngineAddress, environment),
    )
    const found =
      wanted?.length === 0 ? [] : await attachments({ engine, ports: host, procPath: '/proc' }, wanted)
    return [
      ...(showsBridge ? [bridge] : []),
      ...found.map(({ container, mac: address, cidrs }) => ({
        id: container,
        mac: formatMac(address),
        cidrs: cidrs.map(formatCidr),
      })),
    ]
  } finally {
    await host.stop()
  }
}

/** What was launched, as far as it is known. */
export interface Leftovers {
  readonly argv: readonly string[]
  readonly logFile: string
}

/** Removes everything of ours from this host. Gives what could not be removed, a line each. */
export async function removeEverything(
  environment: Environment,
  launched: Leftovers | undefined,
  options: {
    /** The daemon ran until now and has let go of Docker's network: without it Docker would wait for our plugin. */
    readonly wasRunning: boolean
  },
): Promise<readonly string[]> {
  const { config } = takeOver(launched?.argv ?? [], {})
  const problems: string[] = []
  const attempt = async (what: string, act: () => Promise<void> | void): Promise<void> => {
    try {
      await act()
    } catch (thrown) {
      problems.push(`unable to remove ${what}: ${messageOf(thrown)}`)
    }
  }

  if (!options.wasRunning) await attempt('network', () => removeDockerNetwork(config, environment))
  const host = new Host({ log: silentLog }, { bridge: config.weaveBridge })
  await attempt('devices and firewall rules', async () => host.reset(await firewallSpec(host, config)))
  await attempt('open sockets', () => host.stop())
  await attempt('programs in the kernel', async () => {
    const { Pins } = await import('../native/bpf/pins.ts')
    Pins.removeAll()
  })
  for (const path of [config.pluginSocket, config.pluginMeshSocket, config.controlSocket]) {
    if (path !== '') await attempt(path, () => rmSync(path, { force: true }))
  }
  const logs = [config.logFile, ...[1, 2, 3].map((number) => `${config.logFile}.${number}`)]
  for (const path of [config.stateDir, RUNTIME_DIRECTORY, ...logs]) {
    await attempt(path, () => rmSync(path, { recursive: true, force: true }))
  }
  await attempt(dirname(config.logFile), () => removeIfEmpty(dirname(config.logFile)))
  return problems
}

/** The directory may be shared, such as /var/log itself. */
function removeIfEmpty(directory: string): void {
  if (existsSync(directory) && readdirSync(directory).length === 0) rmdirSync(directory)
}

/** The plugin does not answer any more: Docker lets go of a network without endpoints all the same. */
async function removeDockerNetwork(config: Config, environment: Environment): Promise<void> {
  if (config.dockerApi === '' || config.meshNetworkName === '') return
  const engine = new Engine(parseEngineAddress(config.dockerApi, environment))
  const network = await engine.network(config.meshNetworkName).catch(() => undefined)
  if (network?.driver !== 'weavemesh') return
  await engine.removeNetwork(network.id)
}
