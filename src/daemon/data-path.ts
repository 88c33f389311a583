import type { Config } from '../config/options.ts'
import { openEsp } from '../host/esp.ts'
import type { Host } from '../host/host.ts'
import { espProblem } from '../host/probe/kernel.ts'
import { systemClock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { systemRng } from '../lib/rng.ts'
import { TrustedSubnets } from '../mesh/trusted-subnets.ts'
import { Engine } from '../native/engine.ts'
import { DEFAULT_MTU } from '../overlay/constants.ts'
import { DataPlane } from '../overlay/data-plane.ts'
import { LARGEST_MTU } from '../overlay/device-mtu.ts'
import type { Fastdp } from '../overlay/fastdp/fastdp.ts'
import { SleeveOverlay } from '../overlay/sleeve-overlay.ts'
import { ContainerMtu } from './container-mtu.ts'
import { DirectPath } from './direct-path.ts'

/** The VXLAN device takes whatever fits a UDP datagram: the path decides, not the device (overlay §7.2). */
const VXLAN_MTU = 65_485

/** Entries of the daemon before us stay in force this long, until their peers are back. */
const HOLD_MS = 20_000

/** The engine's device on the bridge. */
const SLEEVE_TAP = 'weave-sleeve'

/** The overlays of this host. */
export interface DataPath {
  readonly plane: DataPlane
  readonly sleeve: SleeveOverlay
  /** Undefined where it is switched off or the kernel cannot have it. */
  readonly fastdp: Fastdp | undefined
  /** Why there is none although it was wanted. */
  readonly fastdpProblem: string | undefined
  /** The containers' own ports, where there is a fast datapath. */
  readonly direct: DirectPath | undefined
  readonly containers: ContainerMtu
  /** For the report: which device frames are taken from, and how. */
  readonly description: string
}

interface Modules {
  readonly log: Log
  readonly host: Host
}

/** Builds the overlays; nothing moves before `plane.start()`. `mtu`: what containers have. */
export async function buildDataPath(
  modules: Modules,
  config: Config,
  self: PeerName,
  mtu: number,
): Promise<DataPath> {
  const { log, host } = modules
  const { fastdp, problem } = await tryFastdp(modules, config, self, mtu)
  const sleeve = buildSleeve(modules, config, self, fastdp, () => containers.mtu)
  const overlays = fastdp === undefined ? [sleeve] : [fastdp, sleeve]
  const plane = new DataPlane({ clock: systemClock, log, overlays })
  const description = fastdp === undefined ? `${SLEEVE_TAP} (via TAP)` : 'vethwe-datapath (via eBPF)'
  log.info(`Bridge type is ${fastdp === undefined ? 'bridge' : 'bridged_fastdp'}`)
  const direct =
    fastdp &&
    new DirectPath(
      { log, fastdp },
      {
        bridge: config.weaveBridge,
        allowed: !config.noDirect,
        udpPort: config.port + 1,
      },
    )
  const containers = new ContainerMtu(
    { clock: systemClock, log, host, plane, sleeve, fastdp },
    { mtu, pinned: config.mtu !== 0, devices: [SLEEVE_TAP], procPath: config.procPath },
  )
  return { plane, sleeve, fastdp, direct, containers, fastdpProblem: problem, description }
}

interface Attempt {
  readonly fastdp: Fastdp | undefined
  readonly problem: string | undefined
}

/** Without a password everywhere, with one inside trusted subnets only. */
function clearAllowed({ password, trustedSubnets }: Config): (address: string) => boolean {
  if (password === '') return () => true
  const trusted = new TrustedSubnets(trustedSubnets)
  return (address) => trusted.contains(address)
}

/** Asked for only where something is to be sealed: an answer may load modules. */
const whyNoEsp = ({ password }: Config): string | undefined =>
  password === '' ? 'there is no password' : espProblem()

/** Where the kernel refuses, sleeve does everything. */
async function tryFastdp(
  { log, host }: Modules,
  config: Config,
  self: PeerName,
  mtu: number,
): Promise<Attempt> {
  const udpPort = config.port + 1
  if (config.noFastdp) {
    await removeFastdp({ log, host }, udpPort)
    return { fastdp: undefined, problem: undefined }
  }
  try {
    const { datapathEnd } = await host.ensureDatapathPair({ mtu })
    const vxlan = await host.ensureVxlan({ port: udpPort, mtu: VXLAN_MTU })
    const { openFastdp } = await import('../overlay/fastdp/open.ts')
    const fastdp = openFastdp(
      { clock: systemClock, log, rng: systemRng, esp: openEsp(log, udpPort), espProblem: whyNoEsp(config) },
      {
        self,
        vxlan: { name: `vxlan-${udpPort}`, ifindex: vxlan },
        port: { name: 'vethwe-datapath', ifindex: datapathEnd },
        udpPort,
        mtu: config.mtu === 0 ? DEFAULT_MTU : config.mtu,
        ceiling: config.mtu === 0 ? LARGEST_MTU : config.mtu,
        local: mtu,
        guard: true,
        holdMs: HOLD_MS,
        clearAllowed: clearAllowed(config),
      },
    )
    return { fastdp, problem: undefined }
  } catch (thrown) {
    const problem = messageOf(thrown)
    log.warn('no fast datapath on this host, using sleeve; `weave doctor` tells what is missing', {
      reason: problem,
    })
    await removeFastdp({ log, host }, udpPort)
    return { fastdp: undefined, problem }
  }
}

/** A switch that an earlier daemon left in the kernel would go on forwarding by tables that nobody keeps. */
async function removeFastdp({ log, host }: Modules, port: number): Promise<void> {
  const { Pins } = await import('../native/bpf/pins.ts')
  try {
    Pins.removeAll()
  } catch (thrown) {
    // Without its devices the switch moves nothing: what stays is a mount or some memory.
    log.warn('pinned BPF objects of an earlier daemon stay', { reason: messageOf(thrown) })
  }
  await host.removeDatapath({ port })
  // Without its device nothing can leave in clear.
  const esp = openEsp(log, port)
  esp?.flush()
  esp?.close()
}

function buildSleeve(
  { log, host }: Modules,
  config: Config,
  self: PeerName,
  fastdp: Fastdp | undefined,
  mtu: () => number,
): SleeveOverlay {
  const sleeve = new SleeveOverlay(
    {
      clock: systemClock,
      log,
      openEngine: (onEvents) =>
        new Engine(
          { self, tap: SLEEVE_TAP, mtu: mtu(), localMtu: mtu(), host: config.host, port: config.port },
          onEvents,
        ),
      attach: async (ifindex) => {
        // With the switch in the kernel the device hangs on that, not on the bridge: frames would arrive twice.
        if (fastdp === undefined) await host.ensureBridgePort(SLEEVE_TAP)
        else fastdp.setTap({ name: SLEEVE_TAP, ifindex })
      },
      ...(config.sleeveCiphers === 'none' && { ciphers: [] }),
    },
    self,
  )
  sleeve.setPunt(fastdp !== undefined)
  return sleeve
}
