import type { Suite } from '../native/engine.ts'

/** Feature key of the handshake: ciphers for sleeve's datagrams that we can do well, best first. Old peers ignore it. */
export const CIPHERS_FEATURE = 'SleeveCiphers'

/** In order of preference; both sides take the first that both can do. */
const CIPHERS = ['aes-256-gcm', 'chacha20-poly1305'] as const
export type Cipher = (typeof CIPHERS)[number]

const isCipher = (name: string): name is Cipher => CIPHERS.some((cipher) => cipher === name)

/** `cpuInfo` is the text of /proc/cpuinfo: without AES instructions AES is slow, and its software form leaks by timing. */
export function ciphersOf(cpuInfo: string): readonly Cipher[] {
  const hasAes = /^(?:flags|Features)\s*:.*\baes\b/m.test(cpuInfo)
  return hasAes ? CIPHERS : ['chacha20-poly1305']
}

/** What seals the datagrams of a connection: old peers speak secretbox only. */
export function chooseSuite(
  sessionKey: Uint8Array | undefined,
  ours: readonly Cipher[],
  features: ReadonlyMap<string, string>,
): Suite {
  if (sessionKey === undefined) return 'clear'
  const theirs = new Set(features.get(CIPHERS_FEATURE)?.split(' ').filter(isCipher))
  return CIPHERS.find((cipher) => ours.includes(cipher) && theirs.has(cipher)) ?? 'secretbox'
}

type Hkdf = (key: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number) => Uint8Array

const CHAIN_BYTES = 32

/**
 * What the engine wants as the key: the session key for secretbox; for ours the first values of the two chains of
 * keys, ours to send with first. The side that dialled sends with the chain "dialler".
 */
export function keyMaterial(
  hkdf: Hkdf,
  suite: Suite,
  sessionKey: Uint8Array | undefined,
  outbound: boolean,
): Uint8Array | undefined {
  if (suite === 'clear' || suite === 'secretbox' || sessionKey === undefined) return sessionKey
  const chain = (side: string): Uint8Array =>
    hkdf(
      sessionKey,
      new Uint8Array(0),
      new TextEncoder().encode(`weave sleeve ${suite} ${side}`),
      CHAIN_BYTES,
    )
  const [dialler, listener] = [chain('dialler'), chain('listener')]
  return Uint8Array.from(outbound ? [...dialler, ...listener] : [...listener, ...dialler])
}
