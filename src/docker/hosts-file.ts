import { rmSync, writeFileSync } from 'node:fs'
import { WeaveError } from '../lib/errors.ts'
import { formatIp4, type Ip4, tryParseIp4 } from '../lib/ip4.ts'

/** What `weave attach --rewrite-hosts` puts into a container's /etc/hosts. */
export interface HostsEntries {
  /** Full name, with or without domain and final dot. */
  readonly name: string
  readonly addresses: readonly Ip4[]
  /** `NAME:IP`, from `--add-host`. */
  readonly extra: readonly string[]
}

/** The file's text (proxy §4). Throws `WeaveError('invalid-host')` for an extra entry that is none. */
export function renderHosts(entries: HostsEntries): string {
  const fqdn = entries.name.replace(/\.$/, '')
  const dot = fqdn.indexOf('.')
  const names = dot < 0 ? fqdn : `${fqdn} ${fqdn.slice(0, dot)}`
  return [
    '# created by Weave - BEGIN',
    '# container hostname',
    ...entries.addresses.map((address) => hostsLine(formatIp4(address), names)),
    '',
    '# static names added with --add-host',
    ...entries.extra.map(extraLine),
    '',
    '# default localhost entries',
    hostsLine('127.0.0.1', 'localhost'),
    hostsLine('::1', 'ip6-localhost ip6-loopback'),
    hostsLine('fe00::0', 'ip6-localnet'),
    hostsLine('ff00::0', 'ip6-mcastprefix'),
    hostsLine('ff02::1', 'ip6-allnodes'),
    hostsLine('ff02::2', 'ip6-allrouters'),
    '# created by Weave - END',
    '',
  ].join('\n')
}

/**
 * Writes the file that Docker mounts into the container: first in place, for the container sees that inode, then
 * as a new file, so that Docker's later edits go there and the container keeps ours.
 */
export function writeHosts(path: string, text: string): void {
  writeFileSync(path, text)
  rmSync(path)
  writeFileSync(path, text)
}

const hostsLine = (address: string, names: string): string => `${address.padEnd(15)} ${names}`

function extraLine(entry: string): string {
  const colon = entry.indexOf(':')
  const name = entry.slice(0, colon)
  const address = entry.slice(colon + 1)
  const isAddress = tryParseIp4(address) !== undefined || /^[0-9a-fA-F:]*:[0-9a-fA-F:.]*$/.test(address)
  if (colon < 1 || !/^[\w.-]+$/.test(name) || !isAddress) {
    throw new WeaveError('invalid-host', `cannot add host "${entry}": it should be NAME:ADDRESS`)
  }
  return hostsLine(address, name)
}
