const DOT = 0x2e
const COLON = 0x3a
const ZERO = 0x30

/** `a.b.c.d:port` in six bytes; undefined for anything that would not come back as the same text. */
export function packAddress(address: string): Uint8Array | undefined {
  const packed = new Uint8Array(6)
  let field = 0
  let value = 0
  let digits = 0
  for (let i = 0; i <= address.length; i++) {
    const code = i < address.length ? address.charCodeAt(i) : -1
    if (code >= ZERO && code <= ZERO + 9) {
      // A leading zero would be lost.
      if (digits > 0 && value === 0) return undefined
      value = value * 10 + code - ZERO
      digits++
      if (value > (field < 4 ? 255 : 65535)) return undefined
      continue
    }
    if (digits === 0 || code !== (field < 3 ? DOT : field === 3 ? COLON : -1)) return undefined
    if (field < 4) packed[field] = value
    field++
    if (field === 5) {
      packed[4] = value >>> 8
      packed[5] = value
      return packed
    }
    value = 0
    digits = 0
  }
  return undefined
}
