import { WeaveError } from '../../lib/errors.ts'

/** What `docker network create -o` says of a network, and what Docker adds. */
export interface NetworkOptions {
  /** Containers get a route for 224.0.0.0/4; absent when the network does not say. */
  readonly multicast?: boolean
  /** MTU of container interfaces; that of the bridge when absent. */
  readonly mtu?: number
  /** Keys that nobody here knows. They are no error: other tools put theirs beside ours. */
  readonly unknown: readonly string[]
}

export const multicastOption = 'works.weave.multicast'
const mtuOptions = ['com.docker.network.driver.mtu', 'works.weave.mtu']
const generic = 'com.docker.network.generic'

/** Smallest MTU that IPv4 allows, and the largest of a veth. */
const mtuBounds = { least: 68, most: 65_535 }

/** The user's options out of the options of CreateNetwork; what is no text is dropped, as Docker only makes texts. */
export function userOptions(options: Readonly<Record<string, unknown>>): Record<string, string> {
  const user = options[generic]
  if (typeof user !== 'object' || user === null) return {}
  return Object.fromEntries(Object.entries(user).filter(([, value]) => typeof value === 'string'))
}

/** Throws `WeaveError('network-option')` for a value that we cannot read: the network must not be made then. */
export function readNetworkOptions(user: Readonly<Record<string, string>>): NetworkOptions {
  const text = user[multicastOption]
  const mtu = readMtu(user)
  return {
    ...(text !== undefined && { multicast: text === '' || readBool(multicastOption, text) }),
    ...(mtu !== undefined && { mtu }),
    unknown: Object.keys(user).filter((key) => key !== multicastOption && !mtuOptions.includes(key)),
  }
}

function readMtu(user: Readonly<Record<string, string>>): number | undefined {
  for (const key of mtuOptions) {
    const text = user[key]
    if (text === undefined) continue
    const mtu = Number(text)
    if (/^\d+$/.test(text) && mtu >= mtuBounds.least && mtu <= mtuBounds.most) return mtu
    throw unrecognized(key, text)
  }
  return undefined
}

/** The spellings that the original takes, which are those of Go. */
function readBool(key: string, text: string): boolean {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) return true
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text)) return false
  throw unrecognized(key, text)
}

const unrecognized = (key: string, text: string): WeaveError =>
  new WeaveError('network-option', `unrecognized value ${JSON.stringify(text)} for option ${key}`)
