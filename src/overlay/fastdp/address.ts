import ipaddr from 'ipaddr.js'

/** 4 or 16 bytes in network order; an IPv4-mapped IPv6 address gives 4. Undefined for what is no address. */
export function addressBytes(text: string): Uint8Array | undefined {
  if (!ipaddr.isValid(text)) return undefined
  return Uint8Array.from(ipaddr.process(text).toByteArray())
}

export const addressText = (bytes: Uint8Array): string => ipaddr.fromByteArray([...bytes]).toString()

/** As frames have it: IPv4 in IPv6 notation, which dual-stack TCP sockets show, is IPv4 for VXLAN. */
export function plainAddress(text: string): string {
  const bytes = addressBytes(text)
  return bytes === undefined ? text : addressText(bytes)
}
