// Multicast reaches a container from its own subnets only: that keeps subnets apart (overlay §8.1). The rules are
// written straight into nf_tables, in the shape in which iptables-nft lists them; that takes a fraction of the time
// of a process for each rule. Where the kernel has no nf_tables, iptables-legacy does it.

import { messageOf } from '../lib/errors.ts'
import { type Cidr, formatCidr, type Ip4, networkOf } from '../lib/ip4.ts'
import type { Log } from '../lib/log.ts'
import { errnoOf } from './kernel-error.ts'
import { legacyMulticast } from './multicast-legacy.ts'
import {
  addRule,
  beginBatch,
  counted,
  decodeRule,
  deleteRule,
  describeRule,
  dumpRules,
  type Expression,
  endBatch,
  ensureFilterChain,
  ensureTable,
  fromInterface,
  inNetwork,
  type Rule,
  VERDICT,
} from './netlink/nftables.ts'
import { NETLINK, NetlinkSocket, type Step } from './netlink/socket.ts'
import type { Netns } from './netns.ts'

const TABLE = 'filter'
const CHAIN = 'INPUT'
const NF_INET_LOCAL_IN = 1

/** 224.0.0.0/4 */
export const MULTICAST: Cidr = { addr: 0xe000_0000 as Ip4, prefixLen: 4 }

const toMulticast = inNetwork('destination', MULTICAST)

const dropRule = (ifname: string): Expression[] => [
  ...fromInterface(ifname),
  ...toMulticast,
  ...counted(VERDICT.DROP),
]

const acceptRule = (ifname: string, subnet: Cidr): Expression[] => [
  ...fromInterface(ifname),
  ...inNetwork('source', networkOf(subnet)),
  ...toMulticast,
  ...counted(VERDICT.ACCEPT),
]

/** Lets multicast in on the interface from the subnets of these addresses, and drops all other. */
export const guardMulticast = (ns: Netns, ifname: string, cidrs: readonly Cidr[], log: Log): Promise<void> =>
  apply(
    ns,
    log,
    (rules) => {
      const has = new Set(rules.map(({ expressions }) => describeRule(expressions)))
      const lacks = (rule: Expression[]): boolean => !has.has(describeRule(rule))
      const drop = dropRule(ifname)
      const accepts = uniqueSubnets(cidrs).map((subnet) => acceptRule(ifname, subnet))
      return [
        step('table', ensureTable(TABLE)),
        step('chain', ensureFilterChain(TABLE, CHAIN, NF_INET_LOCAL_IN)),
        ...(lacks(drop) ? [step('drop rule', addRule(TABLE, CHAIN, 'last', drop))] : []),
        ...accepts.filter(lacks).map((rule) => step('accept rule', addRule(TABLE, CHAIN, 'first', rule))),
      ]
    },
    (legacy) => legacy.guard(ifname, uniqueSubnets(cidrs)),
  )

/** Takes back what `guardMulticast` admitted, except for the subnets that `kept` addresses still use. */
export const forgetMulticast = (ns: Netns, ifname: string, kept: readonly Cidr[], log: Log): Promise<void> =>
  apply(
    ns,
    log,
    (rules) => {
      const needed = new Set(uniqueSubnets(kept).map((subnet) => describeRule(acceptRule(ifname, subnet))))
      const drop = describeRule(dropRule(ifname))
      const head = describeRule(fromInterface(ifname))
      const tail = describeRule([...toMulticast, ...counted(VERDICT.ACCEPT)])
      const isStale = ({ expressions }: Rule): boolean => {
        const text = describeRule(expressions)
        if (text === drop) return kept.length === 0
        return text.startsWith(head) && text.endsWith(tail) && !needed.has(text)
      }
      return rules.filter(isStale).map(({ handle }) => step('rule', deleteRule(TABLE, CHAIN, handle)))
    },
    (legacy) => legacy.forget(ifname, uniqueSubnets(kept), kept.length === 0),
  )

const step = (part: string, request: Step['request']): Step => ({
  what: `cannot change the multicast rules of a container (${part})`,
  request,
})

function uniqueSubnets(cidrs: readonly Cidr[]): Cidr[] {
  return [...new Map(cidrs.map(networkOf).map((subnet) => [formatCidr(subnet), subnet])).values()]
}

/** A container without multicast rules still works: what cannot be done is logged, not thrown. */
async function apply(
  ns: Netns,
  log: Log,
  plan: (rules: readonly Rule[]) => Step[],
  withLegacy: (legacy: ReturnType<typeof legacyMulticast>) => Promise<void>,
): Promise<void> {
  try {
    const socket = new NetlinkSocket(NETLINK.NETFILTER, ns.fd)
    try {
      const steps = plan(currentRules(socket))
      if (steps.length > 0) socket.transact(beginBatch, steps, endBatch)
      return
    } catch (error) {
      if (!isMissing(error)) throw error
    } finally {
      socket.close()
    }
    await withLegacy(legacyMulticast(ns))
  } catch (error) {
    log.warn('multicast from other subnets is not kept out of a container', {
      namespace: ns.path,
      reason: messageOf(error),
    })
  }
}

function currentRules(socket: NetlinkSocket): Rule[] {
  try {
    const replies = socket.dump('cannot list the rules of a container', dumpRules(TABLE, CHAIN))
    return replies.flatMap((reply) => decodeRule(reply, TABLE, CHAIN) ?? [])
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw error
  }
}

/** The kernel has no nf_tables, or none for IPv4. */
const isMissing = (error: unknown): boolean =>
  ['EOPNOTSUPP', 'ENOTSUP', 'EPROTONOSUPPORT', 'EAFNOSUPPORT', 'EINVAL'].includes(errnoOf(error) ?? '')
