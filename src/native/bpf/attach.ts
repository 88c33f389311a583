import { type BpfDoors, bpfDoors } from './doors.ts'

/** How a program hangs on a device: a TCX link (Linux 6.6 and later), or a filter of a clsact qdisc. */
export type Attachment = { readonly kind: 'tcx'; readonly link: number } | { readonly kind: 'clsact' }

/** Errors with which kernels before 6.6 answer a TCX link. */
const NO_TCX = new Set(['EINVAL', 'EOPNOTSUPP', 'ENOTSUP'])

/** Attaches a program at the ingress of a device that is not ours, beside those of others; fails before Linux 6.6. The link. */
export const attachBeside = (ifindex: number, program: number, doors: BpfDoors = bpfDoors()): number =>
  doors.bpfAttachTcx(ifindex, program)

/** Attaches a program at the ingress of a device; the link is the caller's to keep, pin or close. */
export function attachIngress(
  ifindex: number,
  program: number,
  name: string,
  doors: BpfDoors = bpfDoors(),
): Attachment {
  try {
    return { kind: 'tcx', link: doors.bpfAttachTcx(ifindex, program) }
  } catch (thrown) {
    if (!NO_TCX.has((thrown as NodeJS.ErrnoException).code ?? '')) throw thrown
  }
  doors.bpfAttachClsact(ifindex, program, name)
  return { kind: 'clsact' }
}
