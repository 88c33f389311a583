// A gratuitous ARP request tells neighbours at once where an address lives now.
//
//   ff:ff:ff:ff:ff:ff | own MAC | 0806 | 1 | 0800 | 6 | 4 | 1 | own MAC | own IP | ff:ff:ff:ff:ff:ff | own IP

import { Writer } from '../lib/bytes.ts'
import type { Ip4 } from '../lib/ip4.ts'
import type { Mac } from '../lib/mac.ts'

const BROADCAST = 0xffff_ffff_ffff
const ETHERTYPE_ARP = 0x0806
const ETHERTYPE_IPV4 = 0x0800

/** 42 bytes, unpadded (overlay §8.1). */
export const gratuitousArp = (mac: Mac, ip: Ip4): Uint8Array =>
  new Writer(42)
    .u48(BROADCAST)
    .u48(mac)
    .u16(ETHERTYPE_ARP)
    .u16(1)
    .u16(ETHERTYPE_IPV4)
    .u8(6)
    .u8(4)
    .u16(1)
    .u48(mac)
    .u32(ip)
    .u48(BROADCAST)
    .u32(ip)
    .finish()
