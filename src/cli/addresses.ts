/** How addresses are written on command lines: `net:default`, `net:CIDR`, `CIDR`, `ip:CIDR` (cli §0.3). */
const ADDRESS = /^(?:net:default|(?:ip:|net:)?\d{1,3}(?:\.\d{1,3}){3}\/\d{1,2})$/

/** Leading words that look like addresses, and the rest. Only the shape is checked; IPAM judges the values. */
export function splitAddresses(words: readonly string[]): { addresses: string[]; rest: string[] } {
  const end = words.findIndex((word) => !ADDRESS.test(word))
  const count = end < 0 ? words.length : end
  return { addresses: words.slice(0, count), rest: words.slice(count) }
}

const PLAIN = /^\d{1,3}(?:\.\d{1,3}){3}$/

/** Leading plain addresses, as `dns-add` takes them. */
export function splitPlainAddresses(words: readonly string[]): { addresses: string[]; rest: string[] } {
  const end = words.findIndex((word) => !PLAIN.test(word))
  const count = end < 0 ? words.length : end
  return { addresses: words.slice(0, count), rest: words.slice(count) }
}
