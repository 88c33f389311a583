import { messageOf } from '../lib/errors.ts'
import { type Cidr, cidrRange, formatCidr, rangesOverlap } from '../lib/ip4.ts'
import { parsePeerName } from '../lib/peer-name.ts'
import type { Init } from './bootstrap.ts'
import { IpamError } from './errors.ts'
import { parseSubnet } from './subnet.ts'

/** What `--ipalloc-…` says, empty where it was not given. */
export interface IpamFlags {
  readonly range: string
  readonly defaultSubnet: string
  readonly init: string
}

/** The universe, where addresses come from by default, and how the first ring comes about. */
export interface IpamSettings {
  readonly range: Cidr
  readonly defaultSubnet: Cidr
  readonly init: Init
}

/** The settings, or undefined when IPAM is off; throws `IpamError` with the original's texts (ipam §2). */
export function parseIpamFlags(flags: IpamFlags): IpamSettings | undefined {
  if (flags.range === '') {
    if (flags.defaultSubnet !== '')
      throw new IpamError('invalid-option', '--ipalloc-default-subnet specified without --ipalloc-range.')
    if (flags.init !== '')
      throw new IpamError('invalid-option', '--ipalloc-init specified without --ipalloc-range.')
    return undefined
  }
  const init = parseInit(flags.init)
  const range = parseSubnet(flags.range)
  const defaultSubnet = flags.defaultSubnet === '' ? range : parseSubnet(flags.defaultSubnet)
  if (!rangesOverlap(cidrRange(range), cidrRange(defaultSubnet))) {
    throw new IpamError(
      'invalid-option',
      `IP address allocation default subnet ${formatCidr(defaultSubnet)} does not overlap with allocation range ${formatCidr(range)}`,
    )
  }
  return { range, defaultSubnet, init }
}

/** `consensus[=COUNT]`, `seed=NAME,NAME…`, `observer`; nothing means a consensus among a guessed number of peers. */
function parseInit(text: string): Init {
  try {
    return parseMode(text)
  } catch (thrown) {
    throw new IpamError('invalid-option', `Unable to parse --ipalloc-init: ${messageOf(thrown)}`)
  }
}

function parseMode(text: string): Init {
  const equals = text.indexOf('=')
  const mode = equals < 0 ? text : text.slice(0, equals)
  const parameter = equals < 0 ? undefined : text.slice(equals + 1)
  switch (mode) {
    case '':
    case 'consensus':
      return { kind: 'consensus', peers: parseCount(parameter ?? '') }
    case 'observer':
      if (parameter !== undefined) throw new Error('observer mode takes no parameter')
      return { kind: 'observer' }
    case 'seed':
      if (parameter === undefined) throw new Error('seed mode requires peer name list')
      // An empty list is no list: the peers have to agree.
      if (parameter === '') return { kind: 'consensus', peers: 0 }
      return { kind: 'seed', peers: parameter.split(',').map(parseSeed) }
    default:
      throw new Error(`unknown mode: ${mode}`)
  }
}

function parseCount(text: string): number {
  if (text === '') return 0
  if (!/^[+-]?\d+$/.test(text)) {
    throw new Error(`bad consensus parameter: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`)
  }
  return Math.max(Number(text), 0)
}

function parseSeed(text: string): ReturnType<typeof parsePeerName> {
  try {
    return parsePeerName(text)
  } catch (thrown) {
    throw new Error(`bad seed parameter: error parsing peer names: ${messageOf(thrown)}`)
  }
}
