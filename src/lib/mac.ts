import { WeaveError } from './errors.ts'

declare const brand: unique symbol

/** An Ethernet address as a 48-bit integer. */
export type Mac = number & { readonly [brand]: 'Mac' }

const TEXT = /^[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}$/

export function parseMac(text: string): Mac {
  if (!TEXT.test(text)) throw new WeaveError('invalid-mac', `invalid MAC address: ${text}`)
  return Number.parseInt(text.replaceAll(':', ''), 16) as Mac
}

export const formatMac = (mac: Mac): string =>
  mac
    .toString(16)
    .padStart(12, '0')
    .replace(/..(?=.)/g, '$&:')

export const macToBytes = (mac: Mac): Uint8Array =>
  Uint8Array.from({ length: 6 }, (_, i) => Math.floor(mac / 2 ** (8 * (5 - i))) % 256)

export function macFromBytes(bytes: Uint8Array): Mac {
  if (bytes.length !== 6)
    throw new WeaveError('invalid-mac', `MAC address of ${bytes.length} bytes instead of 6`)
  return bytes.reduce((value, byte) => value * 256 + byte, 0) as Mac
}
