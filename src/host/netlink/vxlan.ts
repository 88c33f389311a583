import { encodeAttributes, u8, u16be } from './attributes.ts'

const VXLAN = {
  learning: u8(7),
  port: u16be(15),
  udpZeroCsum6Rx: u8(20),
  collectMetadata: u8(25),
}

/** IFLA_INFO_DATA of a VXLAN device without peers of its own: BPF gives each packet its tunnel. */
export const vxlanData = (port: number): Uint8Array =>
  encodeAttributes(VXLAN, { learning: 0, port, udpZeroCsum6Rx: 1, collectMetadata: 1 })
