import type { Clock } from '../../lib/clock.ts'
import { messageOf } from '../../lib/errors.ts'
import type { Log } from '../../lib/log.ts'
import type { Rng } from '../../lib/rng.ts'
import { attachBeside, attachIngress } from '../../native/bpf/attach.ts'
import { bpfDoors } from '../../native/bpf/doors.ts'
import { Pins } from '../../native/bpf/pins.ts'
import { KernelSwitch } from '../../native/bpf/switch.ts'
import { addressText } from './address.ts'
import type { EspKernel } from './esp/kernel.ts'
import { Fastdp } from './fastdp.ts'
import { closeHops } from './hops.ts'
import type { FastdpOptions, SwitchPorts } from './options.ts'

/**
 * Loads the switch into the kernel, taking over the tables and links that an earlier daemon pinned. Throws what
 * the kernel says when it cannot have eBPF on TC: the caller then does without this overlay.
 */
export function openFastdp(
  parts: {
    readonly clock: Clock
    readonly log: Log
    readonly rng: Rng
    /** Undefined: the kernel has no IPsec at all. */
    readonly esp: EspKernel | undefined
    /** Why the kernel cannot seal VXLAN. */
    readonly espProblem: string | undefined
  },
  options: FastdpOptions,
): Fastdp {
  const { clock, log, rng, esp, espProblem } = parts
  const pins = openPins(log)
  const kernel = KernelSwitch.load((map) => pins?.map(map))
  // The ways are as the earlier daemon saw them: until they are looked at anew, frames take the VXLAN device.
  kernel.clearWays()
  // An earlier daemon may have had no password: what it left must not go on in clear until its peers come back. What it
  // sealed would go in clear as soon as its policies are gone.
  const sealed = new Set(esp?.guarded().map(addressText))
  const closed = closeHops(kernel, (address) => options.clearAllowed(address) && !sealed.has(address))
  if (closed > 0)
    log.info('peers of an earlier daemon are cut off until their keys are agreed on', { peers: closed })
  if (espProblem === undefined) esp?.start()
  else {
    esp?.flush()
    esp?.close()
  }
  if (pins !== undefined) for (const [name, descriptor] of kernel.maps) pins.keepMap(name, descriptor)
  return new Fastdp(
    {
      clock,
      log,
      rng,
      kernel,
      ports: pins === undefined ? unpinned(kernel) : pinned(kernel, pins, log),
      esp: espProblem ?? esp ?? 'it has no IPsec',
    },
    options,
  )
}

const pinned = (kernel: KernelSwitch, pins: Pins, log: Log): SwitchPorts => ({
  attach: (device, program) => {
    if (pins.attach(device, kernel.program(program), program)) return
    log.warn('the BPF file system is gone: frames of this device stop while the daemon restarts', {
      device: device.name,
    })
  },
  attachUnderlay: (device) => {
    // Without a pin it ends with this process, and frames take the VXLAN device.
    pins.attachBeside(device, kernel.program('from_underlay'))
  },
  detach: (device) => pins.detach(device),
  retain: (devices) => pins.retain(devices),
})

/** Links that end with this process, or with `detach`. */
function unpinned(kernel: KernelSwitch): SwitchPorts {
  const links = new Map<number, number>()
  return {
    attach: ({ ifindex }, program) => {
      const attachment = attachIngress(ifindex, kernel.program(program), program)
      if (attachment.kind === 'tcx') links.set(ifindex, attachment.link)
    },
    attachUnderlay: ({ ifindex }) => {
      links.set(ifindex, attachBeside(ifindex, kernel.program('from_underlay')))
    },
    detach: ({ ifindex }) => {
      const link = links.get(ifindex)
      if (link === undefined) bpfDoors().bpfDetachClsact(ifindex)
      else bpfDoors().bpfClose(link)
      links.delete(ifindex)
    },
    retain: () => undefined,
  }
}

function openPins(log: Log): Pins | undefined {
  try {
    return Pins.open(bpfDoors())
  } catch (thrown) {
    log.warn('no BPF file system: traffic on the fast datapath stops while the daemon restarts', {
      error: messageOf(thrown),
    })
    return undefined
  }
}
