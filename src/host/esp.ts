import type { Log } from '../lib/log.ts'
import { SEALED_MARK } from '../native/bpf/layout.ts'
import { errnoOf } from './kernel-error.ts'
import type { Reply } from './netlink/message.ts'
import { NETLINK, NetlinkSocket, type Step } from './netlink/socket.ts'
import {
  decodePolicy,
  deletePolicy,
  dumpPolicies,
  type Policy,
  type PolicyId,
  setPolicy,
} from './netlink/xfrm-policy.ts'
import {
  addState,
  decodeState,
  deleteState,
  dumpStates,
  getState,
  type StateId,
} from './netlink/xfrm-state.ts'

const UDP = 17
/** Ours by this number: before what key exchange programs make, after what somebody wrote by hand with no number. */
const PRIORITY = 0x7765
const CLEAR_PRIORITY = PRIORITY + 1
const GATE_PRIORITY = PRIORITY + 2

interface Path {
  readonly local: Uint8Array
  readonly remote: Uint8Array
}

/** A neighbour, the users of its path, the latest last, and what each wants ours to be sealed with. */
interface Neighbour {
  readonly remote: Uint8Array
  readonly users: Map<object, { readonly local: Uint8Array; readonly spi: number | undefined }>
}

const keyOf = (address: Uint8Array): string => Buffer.from(address).toString('hex')

/**
 * States and policies of IPsec for the VXLAN of this host. For each neighbour there are three policies: what our switch
 * marks leaves sealed, or not at all; VXLAN without the mark does not leave; what arrives must have been sealed. One for
 * all says that nothing with the mark leaves in clear. They are in force whatever becomes of this process.
 */
export class HostEsp {
  readonly #socket: NetlinkSocket
  readonly #udpPort: number
  readonly #neighbours = new Map<string, Neighbour>()

  /** `udpPort`: of VXLAN; `ns`: descriptor of a namespace, -1 for the host's. Throws where the kernel has no IPsec. */
  constructor(udpPort: number, ns = -1) {
    this.#udpPort = udpPort
    this.#socket = new NetlinkSocket(NETLINK.XFRM, ns)
  }

  /**
   * Programs of an earlier daemon may still mark frames for neighbours whose policies go here: the gate, which is there
   * before, stops them.
   */
  start(): void {
    this.#socket.run([set('cannot forbid that marked packets leave in clear', GATE)])
    this.#removeAll(({ priority }) => priority !== GATE_PRIORITY)
  }

  guard({ local, remote }: Path, user: object): void {
    const neighbour = this.#neighbours.get(keyOf(remote)) ?? { remote, users: new Map() }
    this.#neighbours.set(keyOf(remote), neighbour)
    neighbour.users.set(user, { local, spi: undefined })
    this.#socket.run([
      this.#ours(neighbour),
      set('cannot forbid VXLAN in clear', clearPolicy(local, remote, this.#udpPort)),
      set('cannot demand that VXLAN is sealed', arrivingPolicy(remote, this.#udpPort)),
    ])
  }

  seal({ remote }: Path, user: object, spi: number): void {
    const neighbour = this.#neighbours.get(keyOf(remote))
    const known = neighbour?.users.get(user)
    if (neighbour === undefined || known === undefined) return
    neighbour.users.delete(user)
    neighbour.users.set(user, { ...known, spi })
    this.#socket.run([this.#ours(neighbour)])
  }

  unguard({ remote }: Path, user: object): void {
    const neighbour = this.#neighbours.get(keyOf(remote))
    const left = neighbour?.users.get(user)
    if (neighbour === undefined || left === undefined) return
    neighbour.users.delete(user)
    const locals = new Set([...neighbour.users.values()].map(({ local }) => keyOf(local)))
    const clear = clearPolicy(left.local, remote, this.#udpPort)
    const steps = locals.has(keyOf(left.local)) ? [] : [remove(clear)]
    if (neighbour.users.size > 0) steps.push(this.#ours(neighbour))
    else {
      this.#neighbours.delete(keyOf(remote))
      steps.push(remove(leavingPolicy(remote, undefined)), remove(arrivingPolicy(remote, this.#udpPort)))
    }
    this.#socket.run(steps)
  }

  addState(path: Path, direction: 'in' | 'out', spi: number, key: Uint8Array): void {
    const id = stateId(path, direction, spi)
    this.#socket.run([{ what: 'cannot give the kernel a key for ESP', request: addState(id, key) }])
  }

  dropState(path: Path, direction: 'in' | 'out', spi: number): void {
    this.#socket.run([drop(stateId(path, direction, spi))])
  }

  received(path: Path, spi: number): number {
    const reply = this.#socket.find('cannot look at a key of ESP', getState(stateId(path, 'in', spi)))
    return (reply && decodeState(reply)?.bytes) ?? 0
  }

  guarded(): Uint8Array[] {
    return this.#policies().flatMap(({ selector, direction }) => {
      const remote = direction === 'in' ? selector.from : selector.to
      return remote ?? []
    })
  }

  flush(): void {
    this.#removeAll(() => true)
  }

  /** What is in the kernel stays there. Idempotent. */
  close(): void {
    this.#socket.close()
  }

  /** What the latest user wants that has a key. */
  #ours({ remote, users }: Neighbour): Step {
    const spi = [...users.values()].findLast((user) => user.spi !== undefined)?.spi
    return set('cannot have VXLAN sealed', leavingPolicy(remote, spi))
  }

  #removeAll(wanted: (policy: Listed) => boolean): void {
    const states = this.#list('cannot list the keys of ESP', dumpStates(), decodeState)
    const policies = this.#policies().filter(wanted)
    this.#socket.run([...policies.map(remove), ...states.filter(({ ours }) => ours).map(drop)])
    this.#neighbours.clear()
  }

  #policies(): Listed[] {
    const all = this.#list('cannot list the policies of IPsec', dumpPolicies(), decodePolicy)
    return all.filter((policy) => isOurs(policy) || isOfOldVersion(policy))
  }

  #list<T>(
    what: string,
    request: Parameters<NetlinkSocket['dump']>[1],
    decode: (reply: Reply) => T | undefined,
  ): T[] {
    return this.#socket
      .dump(what, request)
      .map(decode)
      .filter((found) => found !== undefined)
  }
}

/** Undefined where the kernel has no IPsec, so that there is nothing of ours either. */
export function openEsp(log: Log, udpPort: number): HostEsp | undefined {
  try {
    return new HostEsp(udpPort)
  } catch (thrown) {
    log.debug('the kernel has no IPsec', { errno: errnoOf(thrown) })
    return undefined
  }
}

type Listed = PolicyId & Pick<Policy, 'priority'>

/** Whether a policy is one of this file, whoever of us made it. */
export const isOurs = ({ selector, priority }: Listed): boolean =>
  selector.protocol === UDP && priority >= PRIORITY && priority <= GATE_PRIORITY

/** Left behind by the original they would go before ours, and seal with keys that nobody knows (overlay §6.4). */
function isOfOldVersion({ direction, priority, selector, mark }: Listed): boolean {
  const bothEnds = selector.from !== undefined && selector.to !== undefined
  const shape = direction === 'out' && priority === 0 && mark === SEALED_MARK
  return shape && selector.protocol === UDP && bothEnds
}

/** Whatever is marked and for nobody whom we have a key for. */
const GATE: Policy = {
  direction: 'out',
  selector: { from: undefined, to: undefined, port: undefined, protocol: UDP },
  mark: SEALED_MARK,
  priority: GATE_PRIORITY,
  seal: undefined,
}

/** What our switch marks, from whichever address of this host: sealed, or not at all. */
const leavingPolicy = (remote: Uint8Array, spi: number | undefined): Policy => ({
  direction: 'out',
  selector: { from: undefined, to: remote, port: undefined, protocol: UDP },
  mark: SEALED_MARK,
  priority: PRIORITY,
  seal: spi === undefined ? undefined : { from: undefined, to: remote, spi },
})

/** VXLAN without the mark. Only from our own address: what others send through this host is not ours to judge. */
const clearPolicy = (local: Uint8Array, remote: Uint8Array, port: number): Policy => ({
  direction: 'out',
  selector: { from: local, to: remote, port, protocol: UDP },
  mark: undefined,
  priority: CLEAR_PRIORITY,
  seal: undefined,
})

const arrivingPolicy = (remote: Uint8Array, port: number): Policy => ({
  direction: 'in',
  selector: { from: remote, to: undefined, port, protocol: UDP },
  mark: undefined,
  priority: PRIORITY,
  seal: { from: remote, to: undefined, spi: undefined },
})

const stateId = ({ local, remote }: Path, direction: 'in' | 'out', spi: number): StateId =>
  direction === 'in' ? { from: remote, to: local, spi } : { from: local, to: remote, spi }

const set = (what: string, policy: Policy): Step => ({ what, request: setPolicy(policy) })

const remove = (policy: PolicyId): Step => ({
  what: 'cannot remove a policy of IPsec',
  request: deletePolicy(policy),
  unless: ['ENOENT'],
})

const drop = (id: StateId): Step => ({
  what: 'cannot remove a key of ESP',
  request: deleteState(id),
  unless: ['ESRCH'],
})
