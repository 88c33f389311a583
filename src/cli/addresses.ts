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

/** What is wrong with a word where an address or nothing was expected; undefined when it does not even look like one. */
export function addressAdvice(word: string): string | undefined {
  if (PLAIN.test(word)) return `${word} lacks its prefix length, e.g. ${word}/24`
  if (/^(?:ip|net):/.test(word))
    return `${word} is no address: write net:default, net:10.32.1.0/24 or 10.32.1.2/24`
  return undefined
}
