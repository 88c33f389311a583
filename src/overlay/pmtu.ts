import { SLEEVE } from './constants.ts'

/** What the search wants: a test frame sent, or a changed result put to use. */
export type PmtuOutput =
  | { readonly kind: 'test'; readonly length: number }
  | { readonly kind: 'changed' }
  | { readonly kind: 'verified'; readonly mtu: number }

/**
 * The search for the largest packet that a path takes (overlay §4.7). A send error of the kernel lowers the MTU at
 * once; tests that the other side acknowledges confirm it, or find a smaller one by bisection. Unlike old peers,
 * ours also grows back: `raise` tests a larger one while the old one stays in use.
 */
export class Pmtu {
  mtu: number = SLEEVE.initialMtu
  maxPayload: number = SLEEVE.maxUdpPayload
  readonly #overhead: number
  readonly #udpOverhead: number
  #highestGood = 0
  #lowestBad = 0
  #ceiling = 0
  #candidate = 0
  #testsSent = 0
  #deadline: number | undefined

  /** `udpOverhead`: IP and UDP header of the underlay; `packetOverhead`: what sleeve adds per datagram. */
  constructor(udpOverhead: number, packetOverhead: number) {
    this.#udpOverhead = udpOverhead
    this.#overhead = udpOverhead + packetOverhead + 2 * SLEEVE.ethernetHeader
  }

  get searching(): boolean {
    return this.#candidate !== 0
  }

  nextDeadline(): number | undefined {
    return this.#deadline
  }

  /** The kernel refused a datagram: the path takes IP packets of `pathMtu` bytes at most. */
  tooBig(pathMtu: number, now: number): PmtuOutput[] {
    const mtu = pathMtu - this.#overhead
    if (mtu < 1 || (this.#candidate !== 0 && mtu >= this.#candidate)) return []
    if (this.#candidate === 0 && mtu >= this.mtu) return []
    this.#use(mtu)
    return [{ kind: 'changed' }, ...this.#search(Math.min(SLEEVE.lowestMtu, mtu), mtu, now)]
  }

  /** The kernel believes in `pathMtu`; tests it when it is more than what is in use. */
  raise(pathMtu: number, now: number): PmtuOutput[] {
    const mtu = Math.min(pathMtu - this.#overhead, SLEEVE.initialMtu)
    if (this.#candidate !== 0 || mtu <= this.mtu) return []
    return this.#search(this.mtu, mtu, now)
  }

  /**
   * The other side got a test frame that carried an IP packet of `mtu` bytes. An answer later than the last attempt
   * (both sides busy, a slow control connection) proves as much as one in time: the size was not bad after all.
   */
  acknowledged(mtu: number, now: number): PmtuOutput[] {
    const late = mtu >= this.#lowestBad && mtu <= this.#ceiling
    if (!late && (this.#candidate === 0 || mtu !== this.#candidate)) return []
    if (late) this.#lowestBad = this.#ceiling + 1
    this.#highestGood = mtu
    return this.#next(now)
  }

  advance(now: number): PmtuOutput[] {
    if (this.#deadline === undefined || now < this.#deadline) return []
    if (this.#testsSent < SLEEVE.mtuTestAttempts) return [this.#test(now)]
    this.#lowestBad = this.#candidate
    return this.#next(now)
  }

  #search(highestGood: number, candidate: number, now: number): PmtuOutput[] {
    this.#highestGood = highestGood
    this.#lowestBad = candidate + 1
    this.#ceiling = candidate
    this.#candidate = candidate
    this.#testsSent = 0
    return [this.#test(now)]
  }

  #next(now: number): PmtuOutput[] {
    if (this.#highestGood + 1 < this.#lowestBad) {
      return this.#bisect(now)
    }
    this.#candidate = 0
    this.#deadline = undefined
    this.#use(this.#highestGood)
    return [{ kind: 'changed' }, { kind: 'verified', mtu: this.mtu }]
  }

  #bisect(now: number): PmtuOutput[] {
    this.#candidate = Math.floor((this.#highestGood + this.#lowestBad) / 2)
    this.#testsSent = 0
    return [this.#test(now)]
  }

  #test(now: number): PmtuOutput {
    this.#deadline = now + SLEEVE.mtuTestFirstTimeout * 2 ** this.#testsSent
    this.#testsSent++
    return { kind: 'test', length: this.#candidate + SLEEVE.ethernetHeader }
  }

  #use(mtu: number): void {
    this.mtu = mtu
    this.maxPayload = Math.min(mtu + this.#overhead - this.#udpOverhead, SLEEVE.maxUdpPayload)
  }
}
