import { formatIp4, type Ip4, ip4ToBytes } from '../../src/lib/ip4.ts'

export type Server = 'weave' | 'unbound'

/** Names of containers, foreign names that are in the cache, names that do not exist, addresses of containers. */
export type NameKind = 'local' | 'cached' | 'absent' | 'reverse'

/** What one server did with one kind of names in one round. */
export interface Sample {
  readonly server: Server
  readonly names: NameKind
  readonly qps: number
  /** In ms, at `RATE` questions per second. */
  readonly p99: number
  /** In ms, at the load under which `qps` was measured. */
  readonly p99Saturated: number
}

/** Load of the latency runs, per second: below what either server can do. */
export const RATE = 10_000

/** As many names as a large network has services. */
export const NAMES: readonly string[] = Array.from({ length: 1000 }, (_, i) => `web${i}`)

const addr = (index: number): Ip4 => (0x0a200000 + index) as Ip4

export const addressOf = (index: number): string => formatIp4(addr(index))

export const reverseOf = (index: number): string =>
  `${[...ip4ToBytes(addr(index))].reverse().join('.')}.in-addr.arpa`
