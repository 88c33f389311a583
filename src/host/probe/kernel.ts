import { closeSync } from 'node:fs'
import { messageOf } from '../../lib/errors.ts'
import { bpfDoors } from '../../native/bpf/doors.ts'
import { netnsAddon } from '../../native/netns.ts'
import { errnoName, errnoOf } from '../kernel-error.ts'
import { createLink, createVeth } from '../netlink/link.ts'
import { beginBatch, endBatch, ensureFilterChain, ensureTable } from '../netlink/nftables.ts'
import { NETLINK, NetlinkSocket } from '../netlink/socket.ts'
import { vxlanData } from '../netlink/vxlan.ts'
import { addState } from '../netlink/xfrm-state.ts'
import type { Finding, Outcome } from './finding.ts'

/** One feature: how to try it in the empty namespace `ns`, and what it takes. `attempt` answers or throws an errno. */
interface Feature {
  readonly id: string
  readonly title: string
  readonly needs: string
  readonly without: string
  readonly attempt: (ns: number) => number | undefined
}

const SOL_UDP = 17
const UDP_SEGMENT = 103
const UDP_GRO = 104
const TUN_F = { CSUM: 1, TSO4: 2, TSO6: 4, USO4: 0x20, USO6: 0x40 } as const
const TSO = TUN_F.CSUM | TUN_F.TSO4 | TUN_F.TSO6
const LRU_HASH = 9
const RINGBUF = 27
const LOOPBACK = 1
const NF_INET_LOCAL_IN = 1
const PAGE = 4096
/** Of the network for examples. */
const TEST_STATE = { from: Uint8Array.of(192, 0, 2, 2), to: Uint8Array.of(192, 0, 2, 1), spi: 0x1000 }

/** `r0 = -1; exit`: a classifier that leaves every packet to whoever comes next. */
const PASS_ON = Uint8Array.of(0xb7, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x95, 0, 0, 0, 0, 0, 0, 0)

const inRoute = (ns: number, what: string, request: ReturnType<typeof createLink>): undefined => {
  const socket = new NetlinkSocket(NETLINK.ROUTE, ns)
  try {
    socket.run([{ what, request }])
  } finally {
    socket.close()
  }
}

const inNetfilter = (ns: number): undefined => {
  const socket = new NetlinkSocket(NETLINK.NETFILTER, ns)
  try {
    const chain = ensureFilterChain('filter', 'INPUT', NF_INET_LOCAL_IN)
    const steps = [ensureTable('filter'), chain].map((request) => ({ what: 'nf_tables', request }))
    socket.transact(beginBatch, steps, endBatch)
  } finally {
    socket.close()
  }
}

const inXfrm = (ns: number): undefined => {
  const socket = new NetlinkSocket(NETLINK.XFRM, ns)
  try {
    socket.run([{ what: 'ESP', request: addState(TEST_STATE, new Uint8Array(36)) }])
  } finally {
    socket.close()
  }
}

const map = (type: number, keySize: number, valueSize: number, entries: number): undefined => {
  bpfDoors().bpfClose(bpfDoors().bpfMapCreate(type, keySize, valueSize, entries, 0, 'weave_probe'))
}

const program = (use: (program: number) => void): undefined => {
  const loaded = bpfDoors().bpfProgramLoad(PASS_ON, 'Apache-2.0', 'weave_probe')
  try {
    use(loaded)
  } finally {
    bpfDoors().bpfClose(loaded)
  }
}

/** The link is closed at once, and the program lets everything pass: the loopback device notices nothing. */
const tcx = (): undefined =>
  program((loaded) => bpfDoors().bpfClose(bpfDoors().bpfAttachTcx(LOOPBACK, loaded)))

const FEATURES: readonly Feature[] = [
  {
    id: 'veth',
    title: 'veth pairs',
    needs: 'the module veth',
    without: 'no container can be attached',
    attempt: (ns) => inRoute(ns, 'veth', createVeth({ ifname: 'probe-a' }, { ifname: 'probe-b' })),
  },
  {
    id: 'bridge',
    title: 'Linux bridges',
    needs: 'the module bridge',
    without: 'weave cannot start',
    attempt: (ns) => inRoute(ns, 'bridge', createLink('bridge', { ifname: 'probe-br' })),
  },
  {
    id: 'tap',
    title: 'TAP devices',
    needs: 'the module tun and the device /dev/net/tun',
    without: 'no sleeve: only the fast datapath works',
    attempt: (ns) => netnsAddon().tryTap(ns, 0),
  },
  {
    id: 'tap-tso',
    title: 'TCP super-frames on TAP devices',
    needs: 'kernel 2.6.27',
    without: 'sleeve is several times slower for TCP',
    attempt: (ns) => netnsAddon().tryTap(ns, TSO),
  },
  {
    id: 'tap-uso',
    title: 'UDP super-frames on TAP devices',
    needs: 'kernel 6.2',
    without: 'sleeve is slower for UDP in large packets',
    attempt: (ns) => netnsAddon().tryTap(ns, TSO | TUN_F.USO4 | TUN_F.USO6),
  },
  {
    id: 'udp-gso',
    title: 'UDP segmentation offload (UDP_SEGMENT)',
    needs: 'kernel 4.18',
    without: 'sleeve sends each datagram by itself, at about a third of the speed',
    attempt: () => netnsAddon().tryUdpOption(SOL_UDP, UDP_SEGMENT, 1400),
  },
  {
    id: 'udp-gro',
    title: 'UDP receive offload (UDP_GRO)',
    needs: 'kernel 5.0',
    without: 'sleeve receives each datagram by itself',
    attempt: () => netnsAddon().tryUdpOption(SOL_UDP, UDP_GRO, 1),
  },
  {
    id: 'vxlan',
    title: 'VXLAN with tunnels chosen per packet',
    needs: 'kernel 4.3 and the module vxlan',
    without: 'no fast datapath: sleeve is used',
    attempt: (ns) => inRoute(ns, 'vxlan', createLink('vxlan', { ifname: 'probe-vx' }, vxlanData(6784))),
  },
  {
    id: 'bpf',
    title: 'eBPF classifiers',
    needs: 'kernel 5.3 with CONFIG_BPF_SYSCALL and CONFIG_NET_CLS_BPF',
    without: 'no fast datapath: sleeve is used',
    attempt: () => program(() => undefined),
  },
  {
    id: 'bpf-lru',
    title: 'eBPF LRU maps',
    needs: 'kernel 4.10',
    without: 'no fast datapath: sleeve is used',
    attempt: () => map(LRU_HASH, 8, 8, 16),
  },
  {
    id: 'bpf-ring',
    title: 'eBPF ring buffers',
    needs: 'kernel 5.8',
    without: 'no fast datapath: sleeve is used',
    attempt: () => map(RINGBUF, 0, 0, PAGE),
  },
  {
    id: 'tcx',
    title: 'TCX links',
    needs: 'kernel 6.6',
    without:
      'the fast datapath is attached by clsact instead; frames arrive through the VXLAN device, more slowly',
    attempt: tcx,
  },
  {
    id: 'esp',
    title: 'IPsec ESP with AES-GCM',
    needs: 'the modules xfrm_user, esp4 and the cipher gcm(aes)',
    without: 'encrypted connections use sleeve',
    attempt: inXfrm,
  },
  {
    id: 'nf-tables',
    title: 'nf_tables',
    needs: 'kernel 3.13 and the module nf_tables',
    without: 'iptables-legacy does the firewall, attaching takes longer',
    attempt: inNetfilter,
  },
]

const DENIED = new Set(['EPERM', 'EACCES'])
/** No answer to whether the kernel could: it has no room now. */
const TRANSIENT = new Set(['ENOMEM', 'ENOBUFS', 'EMFILE', 'ENFILE', 'EAGAIN', 'EBUSY', 'ETIMEDOUT'])

function judge(feature: Feature, errno: string | undefined, reason: string): Outcome {
  if (errno === undefined) return { state: 'unknown', reason }
  if (DENIED.has(errno)) return { state: 'unknown', reason: 'not permitted; run this as root' }
  if (TRANSIENT.has(errno)) return { state: 'unknown', reason: `the kernel answered ${errno}` }
  return { state: 'missing', needs: `${feature.needs} (the kernel answered ${errno})` }
}

function tryFeature(feature: Feature, ns: number): Outcome {
  try {
    const errno = feature.attempt(ns)
    if (errno === undefined || errno === 0) return { state: 'works' }
    return judge(feature, errnoName(errno), '')
  } catch (error) {
    return judge(feature, errnoOf(error), messageOf(error))
  }
}

/** Why this kernel cannot seal packets by ESP, found out in an empty namespace; undefined: it can. */
export function espProblem(): string | undefined {
  const outcome = probeKernel(['esp'])[0]?.outcome
  if (outcome?.state === 'missing') return `it needs ${outcome.needs}`
  return outcome?.state === 'unknown' ? outcome.reason : undefined
}

/**
 * Tries every feature of the kernel that some path needs, or some of them, in an empty namespace: nothing on the host
 * changes.
 */
export function probeKernel(only?: readonly string[]): Finding[] {
  const features = FEATURES.filter(({ id }) => only === undefined || only.includes(id))
  const finding = ({ id, title, without }: Feature, outcome: Outcome): Finding => ({
    id,
    group: 'kernel',
    title,
    without,
    outcome,
  })
  let ns: number
  try {
    ns = netnsAddon().netnsNew()
  } catch (error) {
    const reason = DENIED.has(errnoOf(error) ?? '') ? 'not permitted; run this as root' : messageOf(error)
    return features.map((feature) => finding(feature, { state: 'unknown', reason }))
  }
  try {
    return features.map((feature) => finding(feature, tryFeature(feature, ns)))
  } finally {
    closeSync(ns)
  }
}
