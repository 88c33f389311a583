import type { Clock } from '../../lib/clock.ts'
import { messageOf } from '../../lib/errors.ts'
import type { Log } from '../../lib/log.ts'
import { attachIngress } from '../../native/bpf/attach.ts'
import { bpfDoors } from '../../native/bpf/doors.ts'
import { Pins } from '../../native/bpf/pins.ts'
import { KernelSwitch } from '../../native/bpf/switch.ts'
import { Fastdp, type FastdpOptions } from './fastdp.ts'

/**
 * Loads the switch into the kernel, taking over the tables and links that an earlier daemon pinned. Throws what
 * the kernel says when it cannot have eBPF on TC: the caller then does without this overlay.
 */
export function openFastdp(
  parts: { readonly clock: Clock; readonly log: Log },
  options: FastdpOptions,
): Fastdp {
  const { clock, log } = parts
  const pins = openPins(log)
  const kernel = KernelSwitch.load((map) => pins?.map(map))
  if (pins !== undefined) for (const [name, descriptor] of kernel.maps) pins.keepMap(name, descriptor)
  return new Fastdp(
    {
      clock,
      log,
      kernel,
      attach: (device, program) => {
        const descriptor = kernel.program(program)
        if (pins === undefined) attachIngress(device.ifindex, descriptor, program)
        else pins.attach(device, descriptor, program)
      },
      detach: (device) => pins?.detach(device),
    },
    options,
  )
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
