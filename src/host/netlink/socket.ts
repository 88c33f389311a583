import { closeSync } from 'node:fs'
import { netlinkAddon } from '../../native/netlink.ts'
import { asKernelError, errnoName, KernelError } from '../kernel-error.ts'
import { concat } from './attributes.ts'
import { decodeMessages, encodeMessage, NLM_F, type Reply, type Request, verdictOf } from './message.ts'

export const NETLINK = { ROUTE: 0, XFRM: 6, NETFILTER: 12, GENERIC: 16 } as const

/** A request with the words for its failure, e.g. `cannot add 10.32.0.1/12 to weave`. */
export interface Step {
  readonly what: string
  readonly request: Request
  /** Errno names that count as success: the change was there already. */
  readonly unless?: readonly string[]
}

const DUMP_ATTEMPTS = 5
/** There is no such interface, route, family or state. */
const ABSENT = new Set(['ENODEV', 'ENOENT', 'ESRCH'])

/** One slow step, e.g. the removal of an interface, on a thread and socket of its own: the event loop goes on. */
export async function runSlowly(protocol: number, ns: number, step: Step): Promise<void> {
  const addon = netlinkAddon()
  let fd = -1
  try {
    fd = addon.netlinkOpen(protocol, ns)
    const answer = await addon.netlinkRequestLater(fd, encodeMessage(step.request, 1), 1)
    for (const reply of decodeMessages(answer)) {
      const verdict = verdictOf(reply)
      const errno = errnoName(verdict?.errno ?? 0)
      if (verdict !== undefined && verdict.errno !== 0 && !step.unless?.includes(errno)) {
        throw new KernelError(step.what, errno, verdict.reason)
      }
    }
  } catch (error) {
    throw asKernelError(step.what, error)
  } finally {
    if (fd >= 0) closeSync(fd)
  }
}

/** A netlink socket in one network namespace. A conversation takes microseconds and is not interrupted by others. */
export class NetlinkSocket {
  readonly #fd: number
  #sequence = 1
  #closed = false

  /** `ns` is the descriptor of a namespace, -1 for the host's; it need not stay open. */
  constructor(protocol: number, ns = -1) {
    try {
      this.#fd = netlinkAddon().netlinkOpen(protocol, ns)
    } catch (error) {
      throw asKernelError('cannot talk to the kernel', error)
    }
  }

  /** Sends all steps at once; throws `KernelError` for the first that failed. The kernel runs the others all the same. */
  run(steps: readonly Step[]): void {
    if (steps.length === 0) return
    const first = steps[0]?.what ?? ''
    const { replies, sequence } = this.#exchange(
      first,
      steps.map((step) => step.request),
      steps.length,
    )
    for (const reply of replies) {
      const verdict = verdictOf(reply)
      const step = steps[reply.sequence - sequence]
      if (verdict === undefined || step === undefined || verdict.errno === 0) continue
      const errno = errnoName(verdict.errno)
      if (!step.unless?.includes(errno)) throw new KernelError(step.what, errno, verdict.reason)
    }
  }

  /** What one request with an acknowledgement answers besides it; undefined when there is no such thing. */
  find(what: string, request: Request): Reply | undefined {
    const { replies } = this.#exchange(what, [request], 1)
    for (const reply of replies) {
      const verdict = verdictOf(reply)
      if (verdict === undefined) return reply
      const errno = errnoName(verdict.errno)
      if (verdict.errno !== 0 && !ABSENT.has(errno)) {
        throw new KernelError(what, errno, verdict.reason)
      }
    }
    return undefined
  }

  /** All answers to a dump; taken again when the kernel says that things moved meanwhile. */
  dump(what: string, request: Request): Reply[] {
    for (let attempt = 1; ; attempt++) {
      const { replies } = this.#exchange(what, [request], 1)
      const failed = replies.map(verdictOf).find((verdict) => verdict !== undefined && verdict.errno !== 0)
      if (failed !== undefined) throw new KernelError(what, errnoName(failed.errno), failed.reason)
      const torn = replies.some((reply) => (reply.flags & NLM_F.DUMP_INTR) !== 0)
      if (!torn || attempt === DUMP_ATTEMPTS) return replies.filter((reply) => verdictOf(reply) === undefined)
    }
  }

  /** A transaction of netfilter: `steps` between an opening and a closing message, all or nothing. */
  transact(open: Request, steps: readonly Step[], close: Request): void {
    const requests = [open, ...steps.map((step) => step.request), close]
    const { replies, sequence } = this.#exchange(steps[0]?.what ?? '', requests, steps.length)
    for (const reply of replies) {
      const verdict = verdictOf(reply)
      if (verdict === undefined || verdict.errno === 0) continue
      const step = steps[reply.sequence - sequence - 1] ?? steps[0]
      throw new KernelError(step?.what ?? '', errnoName(verdict.errno), verdict.reason)
    }
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    closeSync(this.#fd)
  }

  #exchange(
    what: string,
    requests: readonly Request[],
    expected: number,
  ): { readonly replies: Reply[]; readonly sequence: number } {
    const sequence = this.#sequence
    this.#sequence += requests.length
    const batch = concat(requests.map((request, i) => encodeMessage(request, sequence + i)))

    if (this.#closed) throw new KernelError(what, 'EBADF')
    try {
      return { replies: decodeMessages(netlinkAddon().netlinkRequest(this.#fd, batch, expected)), sequence }
    } catch (error) {
      throw asKernelError(what, error)
    }
  }
}
