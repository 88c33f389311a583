import { decodeGob, encodeGob, map, string } from '../gob/gob.ts'
import { WireError } from '../lib/errors.ts'
import { formatPeerName, parsePeerName } from '../lib/peer-name.ts'
import type { LocalIntroduction, ProtocolVersion, RemoteIntroduction } from './introduction.ts'

/** What peers tell each other in the introduction: one gob `map[string]string` (mesh §5). */
export type Features = ReadonlyMap<string, string>

export const featureMap = map(string, string)

/** A feature map has some ten entries; before a peer is known it gets no room for more than this. */
export const FEATURE_LIMITS = { maxElements: 256 }
export const MAX_INTRODUCTION = 64 * 1024

const FLAVOUR = 'mac'
/** The keys that version 1 keeps, and the order in which missing ones are reported. */
const REQUIRED = ['PeerNameFlavour', 'Name', 'NickName', 'UID', 'ConnID'] as const

export const encodeFeatures = (features: Features): Uint8Array => encodeGob(featureMap, features)

export const decodeFeatures = (bytes: Uint8Array): Features => decodeGob(featureMap, bytes, FEATURE_LIMITS)

/** What we send. Our own keys come last: a feature of an overlay cannot replace our name. */
export function featuresOf(local: LocalIntroduction): Features {
  const features = new Map(local.features)
  features.set('PeerNameFlavour', FLAVOUR)
  features.set('Name', formatPeerName(local.name))
  features.set('NickName', local.nickname)
  features.set('UID', String(local.uid))
  features.set('ConnID', String(local.connId))
  if (local.shortId !== undefined) features.set('ShortID', String(local.shortId))
  features.set('Trusted', String(local.trustsRemote))
  return features
}

/** What is left of a feature map in version 1 (mesh §6). */
export function requiredOnly(features: Features): Map<string, string> {
  return new Map([...features].filter(([key]) => (REQUIRED as readonly string[]).includes(key)))
}

/** Checks what the other side sent; throws `WireError` with the texts that users of old peers know. */
export function parseFeatures(
  features: Features,
  context: {
    readonly ownConnId: bigint
    readonly version: ProtocolVersion
    readonly sessionKey: Uint8Array | undefined
  },
): RemoteIntroduction {
  for (const key of REQUIRED) required(features, key)
  const flavour = required(features, 'PeerNameFlavour')
  if (flavour !== FLAVOUR) {
    throw new WireError(`Peer name flavour mismatch (ours: '${FLAVOUR}', theirs: '${flavour}')`)
  }
  const shortId = features.get('ShortID')
  const trusted = features.get('Trusted')
  return {
    version: context.version,
    name: parsePeerName(required(features, 'Name')),
    nickname: required(features, 'NickName'),
    uid: parseUint(required(features, 'UID'), 64),
    connUid: context.ownConnId ^ parseUint(required(features, 'ConnID'), 64),
    shortId: shortId === undefined ? undefined : Number(parseUint(shortId, 12)),
    trusted: trusted === undefined ? false : parseBool(trusted),
    overlays: features.get('Overlays')?.split(' '),
    features,
    sessionKey: context.sessionKey,
  }
}

function required(features: Features, key: (typeof REQUIRED)[number]): string {
  const value = features.get(key)
  if (value === undefined) throw new WireError(`field ${key} is missing`)
  return value
}

/** Decimal digits and nothing else; the texts are Go's. */
function parseUint(text: string, bits: number): bigint {
  // 30 digits are out of range whatever they are; BigInt of a megabyte of them would take its time.
  if (!/^\d+$/.test(text))
    throw new WireError(`strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`)
  const value = BigInt(text.replace(/^0+(?=\d)/, '').slice(0, 30))
  if (value >= 1n << BigInt(bits)) {
    throw new WireError(`strconv.ParseUint: parsing ${JSON.stringify(text)}: value out of range`)
  }
  return value
}

const TRUE = ['1', 't', 'T', 'TRUE', 'true', 'True']
const FALSE = ['0', 'f', 'F', 'FALSE', 'false', 'False']

function parseBool(text: string): boolean {
  if (TRUE.includes(text)) return true
  if (FALSE.includes(text)) return false
  throw new WireError(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`)
}
