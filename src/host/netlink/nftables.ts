// nf_tables over netlink: just what it takes to write rules that iptables-nft lists as its own.

import { type Cidr, type Ip4, ip4ToBytes } from '../../lib/ip4.ts'
import {
  bytes,
  concat,
  decodeAttributes,
  encodeAttributes,
  list,
  nested,
  string,
  u32be,
  u64be,
  type Values,
} from './attributes.ts'
import { NLM_F, type Reply, type Request } from './message.ts'

const NFNL_SUBSYS_NFTABLES = 10
const NFPROTO_IPV4 = 2
const NFNL_MSG_BATCH = { BEGIN: 0x10, END: 0x11 } as const
const MESSAGE = {
  NEWTABLE: 0,
  NEWCHAIN: 3,
  NEWRULE: 6,
  GETRULE: 7,
  DELRULE: 8,
} as const

const TABLE = { name: string(1) }
const HOOK = { number: u32be(1), priority: u32be(2) }
const CHAIN = { table: string(1), name: string(3), hook: nested(4, HOOK), type: string(7) }
const EXPRESSION = { name: string(1), data: bytes(2) }
const RULE = { table: string(1), chain: string(2), handle: u64be(3), expressions: list(4, 1, EXPRESSION) }

const DATA = { value: bytes(1), verdict: nested(2, { code: u32be(1) }) }
const EXPRESSIONS = {
  meta: { destination: u32be(1), key: u32be(2) },
  payload: { destination: u32be(1), base: u32be(2), offset: u32be(3), length: u32be(4) },
  bitwise: {
    source: u32be(1),
    destination: u32be(2),
    length: u32be(3),
    mask: nested(4, DATA),
    xor: nested(5, DATA),
  },
  cmp: { source: u32be(1), operator: u32be(2), data: nested(3, DATA) },
  counter: { bytes: u64be(1), packets: u64be(2) },
  immediate: { destination: u32be(1), data: nested(2, DATA) },
} as const

const REGISTER = 1
const REGISTER_VERDICT = 0
const NFT_META_IIFNAME = 6
const NFT_PAYLOAD_NETWORK_HEADER = 1
const NFT_CMP_EQ = 0
export const VERDICT = { DROP: 0, ACCEPT: 1 } as const

/** One expression of a rule, still or already encoded. */
export type Expression = Values<typeof EXPRESSION>

/** A rule as the kernel has it. */
export interface Rule {
  readonly handle: bigint
  readonly expressions: readonly Expression[]
}

function expression<Name extends keyof typeof EXPRESSIONS>(
  name: Name,
  values: Values<(typeof EXPRESSIONS)[Name]>,
): Expression {
  return { name, data: encodeAttributes(EXPRESSIONS[name], values) }
}

/** `iifname "NAME"` */
export const fromInterface = (ifname: string): Expression[] => [
  expression('meta', { key: NFT_META_IIFNAME, destination: REGISTER }),
  compare(new TextEncoder().encode(`${ifname}\0`)),
]

/** Where the addresses are in the IPv4 header. */
const OFFSET = { source: 12, destination: 16 } as const

/** `ip saddr NET` or `ip daddr NET`; as iptables-nft does, whole bytes are compared without a mask. */
export function inNetwork(which: keyof typeof OFFSET, network: Cidr): Expression[] {
  const whole = network.prefixLen % 8 === 0
  const length = whole ? network.prefixLen / 8 : 4
  if (length === 0) return []

  const load = expression('payload', {
    destination: REGISTER,
    base: NFT_PAYLOAD_NETWORK_HEADER,
    offset: OFFSET[which],
    length,
  })
  const mask = ip4ToBytes(((-1 << (32 - network.prefixLen)) >>> 0) as Ip4)
  const masked = expression('bitwise', {
    source: REGISTER,
    destination: REGISTER,
    length,
    mask: { value: mask },
    xor: { value: new Uint8Array(length) },
  })
  const equal = compare(ip4ToBytes(network.addr).subarray(0, length))
  return whole ? [load, equal] : [load, masked, equal]
}

const compare = (value: Uint8Array): Expression =>
  expression('cmp', { source: REGISTER, operator: NFT_CMP_EQ, data: { value } })

/** iptables-nft expects a counter before the verdict. */
export const counted = (verdict: number): Expression[] => [
  expression('counter', { bytes: 0n, packets: 0n }),
  expression('immediate', { destination: REGISTER_VERDICT, data: { verdict: { code: verdict } } }),
]

/** What a rule does, free of counters and of the kernel's order of attributes: equal texts mean equal rules. */
export function describeRule(expressions: readonly Expression[]): string {
  return expressions
    .filter(({ name }) => name !== 'counter')
    .map(({ name, data }) => `${name}${describeData(name, data)}`)
    .join(' ')
}

function describeData(name: string | undefined, data: Uint8Array | undefined): string {
  if (name === undefined || !isKnown(name) || data === undefined) return ''
  return describeValue(decodeAttributes(EXPRESSIONS[name], data))
}

function describeValue(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (typeof value !== 'object' || value === null) return String(value)
  const parts = Object.entries(value).map(([name, part]) => `${name}=${describeValue(part)}`)
  return `(${parts.sort().join(' ')})`
}

const isKnown = (name: string): name is keyof typeof EXPRESSIONS => Object.hasOwn(EXPRESSIONS, name)

/** struct nfgenmsg: family, version, resource id (big endian). */
const header = (family: number, resource = 0): Uint8Array =>
  Uint8Array.of(family, 0, resource >> 8, resource & 0xff)

const nft = (message: number, flags: number, attributes: Uint8Array): Request => ({
  type: (NFNL_SUBSYS_NFTABLES << 8) | message,
  flags,
  body: concat([header(NFPROTO_IPV4), attributes]),
})

export const beginBatch: Request = {
  type: NFNL_MSG_BATCH.BEGIN,
  flags: 0,
  body: header(0, NFNL_SUBSYS_NFTABLES),
}
export const endBatch: Request = { type: NFNL_MSG_BATCH.END, flags: 0, body: header(0, NFNL_SUBSYS_NFTABLES) }

export const ensureTable = (name: string): Request =>
  nft(MESSAGE.NEWTABLE, NLM_F.ACK | NLM_F.CREATE, encodeAttributes(TABLE, { name }))

/** A chain at a hook of the network stack with accept as its policy, or the one that is there with its own policy. */
export const ensureFilterChain = (table: string, name: string, hook: number): Request =>
  nft(
    MESSAGE.NEWCHAIN,
    NLM_F.ACK | NLM_F.CREATE,
    encodeAttributes(CHAIN, { table, name, hook: { number: hook, priority: 0 }, type: 'filter' }),
  )

/** At the end of the chain, or at its top. */
export const addRule = (
  table: string,
  chain: string,
  where: 'first' | 'last',
  expressions: readonly Expression[],
): Request =>
  nft(
    MESSAGE.NEWRULE,
    NLM_F.ACK | NLM_F.CREATE | (where === 'last' ? NLM_F.APPEND : 0),
    encodeAttributes(RULE, { table, chain, expressions }),
  )

export const deleteRule = (table: string, chain: string, handle: bigint): Request =>
  nft(MESSAGE.DELRULE, NLM_F.ACK, encodeAttributes(RULE, { table, chain, handle }))

export const dumpRules = (table: string, chain: string): Request =>
  nft(MESSAGE.GETRULE, NLM_F.DUMP, encodeAttributes(RULE, { table, chain }))

/** Undefined for what is no rule. */
export function decodeRule(reply: Reply, table: string, chain: string): Rule | undefined {
  if (reply.type !== ((NFNL_SUBSYS_NFTABLES << 8) | MESSAGE.NEWRULE)) return undefined
  const rule = decodeAttributes(RULE, reply.body.subarray(4))
  // A kernel that does not know the filter of a dump sends every rule.
  if (rule.table !== table || rule.chain !== chain || rule.handle === undefined) return undefined
  return { handle: rule.handle, expressions: rule.expressions ?? [] }
}
