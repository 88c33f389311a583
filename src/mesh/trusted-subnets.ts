import { BlockList, isIP, isIPv4 } from 'node:net'
import { WeaveError } from '../lib/errors.ts'
import { plainAddress } from './socket-text.ts'

/** Networks in which overlay traffic may go in clear although there is a password (mesh §5.2). */
export class TrustedSubnets {
  /** As given, for status. */
  readonly texts: readonly string[]
  readonly #list = new BlockList()

  /** CIDRs, IPv4 or IPv6. Throws `WeaveError('invalid-subnet')`: a typing error must not make a network trusted or not. */
  constructor(cidrs: readonly string[]) {
    this.texts = cidrs
    for (const cidr of cidrs) {
      const [address = '', length = '', ...rest] = cidr.split('/')
      const bits = isIPv4(address) ? 32 : 128
      if (isIP(address) === 0 || rest.length > 0 || !/^\d{1,3}$/.test(length) || Number(length) > bits) {
        throw new WeaveError(
          'invalid-subnet',
          `invalid trusted subnet ${JSON.stringify(cidr)}: give CIDRs such as 10.0.0.0/8, separated by commas`,
        )
      }
      this.#list.addSubnet(address, Number(length), isIPv4(address) ? 'ipv4' : 'ipv6')
    }
  }

  contains(address: string): boolean {
    if (this.texts.length === 0) return false
    const plain = plainAddress(address)
    return isIP(plain) !== 0 && this.#list.check(plain, isIPv4(plain) ? 'ipv4' : 'ipv6')
  }
}
