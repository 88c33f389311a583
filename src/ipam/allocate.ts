import { cidrRange, formatCidr, rangesOverlap } from '../lib/ip4.ts'
import { ANONYMOUS } from './holdings.ts'
import { rangeAsCidr } from './range.ts'
import type { AllocateRequest, Answer } from './request.ts'
import { donors } from './ring-donors.ts'
import type { AllocatorState } from './state.ts'

/** One try to serve the request: the answer, or undefined when it has to wait (ipam §6). */
export function tryAllocate(
  state: AllocatorState,
  request: AllocateRequest,
  now: number,
): Answer | undefined {
  const { ident, subnet, isContainer } = request
  const { holdings, options } = state
  const whole = cidrRange(subnet)

  const [held] = ident === ANONYMOUS ? [] : holdings.cidrsWithin(ident, whole)
  if (held !== undefined) {
    state.dead.delete(ident)
    return { kind: 'address', cidr: { addr: held.addr, prefixLen: subnet.prefixLen } }
  }
  if (!rangesOverlap(whole, options.range)) {
    const text = `range ${formatCidr(subnet)} out of bounds: ${rangeAsCidr(options.range)}`
    return { kind: 'failed', code: 'out-of-bounds', text }
  }
  if (!state.hasRing) return undefined

  // Only the first and the last address of the subnet asked for are reserved, not those of the universe.
  const hosts = { start: whole.start + 1, end: whole.end - 1 }
  const cidr = holdings.allocate(ident, hosts, subnet.prefixLen, isContainer)
  if (cidr !== undefined) {
    state.dead.delete(ident)
    return { kind: 'address', cidr }
  }
  if (state.gate?.want(hosts, now) === true) return undefined
  const of = state.asks.begin(whole, donors(state.ring, whole, state.world.rng), state.ring, now)
  if (of.length > 0) state.emit({ kind: 'ask-space', of, range: whole, claim: undefined })
  return undefined
}
