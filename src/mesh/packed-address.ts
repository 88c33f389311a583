const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3}):(\d{1,5})$/

/** `a.b.c.d:port` in six bytes; undefined for anything that would not come back as the same text. */
export function packAddress(address: string): Uint8Array | undefined {
  const match = IPV4.exec(address)
  if (match === null) return undefined
  const [a = 256, b = 256, c = 256, d = 256, port = 65536] = match.slice(1).map(Number)
  if (a > 255 || b > 255 || c > 255 || d > 255 || port > 65535) return undefined
  return `${a}.${b}.${c}.${d}:${port}` === address ? Uint8Array.of(a, b, c, d, port >>> 8, port) : undefined
}
