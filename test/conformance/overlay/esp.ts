import { createCipheriv, createDecipheriv } from 'node:crypto'
import { peerName } from '../../../src/lib/peer-name.ts'
import {
  decodeEspKeyMessage,
  deriveEspKey,
  encodeEspKeyMessage,
} from '../../../src/overlay/fastdp/esp/key-message.ts'
import type { Observation, Runners } from '../case.ts'
import { fromHex, peerFromHex, toHex } from './hex.ts'

interface KeyVectors {
  readonly vectors: readonly {
    readonly session_key: string
    readonly nonce_hkdf_salt: string
    readonly receiver_peer_name: string
    readonly okm_36: string
    readonly spi: string
    readonly init_sa_remote_message: string
  }[]
}

function* keys({ vectors }: KeyVectors): Iterable<Observation> {
  for (const [i, vector] of vectors.entries()) {
    const nonce = fromHex(vector.nonce_hkdf_salt)
    const receiver = peerName(peerFromHex(vector.receiver_peer_name))
    const key = deriveEspKey(fromHex(vector.session_key), nonce, receiver)
    yield { case: `${i}: key and salt`, expected: vector.okm_36, actual: toHex(key) }
    yield* message(`${i}`, { nonce, spi: Number(vector.spi) }, vector.init_sa_remote_message)
  }
}

function* message(
  label: string,
  sent: { readonly nonce: Uint8Array; readonly spi: number },
  recorded: string,
): Iterable<Observation> {
  yield { case: `${label}: message sent`, expected: recorded, actual: toHex(encodeEspKeyMessage(sent)) }
  const { nonce, spi } = decodeEspKeyMessage(fromHex(recorded))
  yield {
    case: `${label}: message read`,
    expected: { nonce: toHex(sent.nonce), spi: sent.spi },
    actual: { nonce: toHex(nonce), spi },
  }
}

interface EspPacket {
  readonly esp: string
  readonly spi: string
  readonly seq: number
  readonly iv: string
  readonly kind: string
  readonly inner_udp: string
  readonly pad: string
  readonly next_header: number
}

interface Recorded {
  readonly session_key: string
  readonly sas: readonly {
    readonly direction: string
    readonly receiver_peer_name: string
    readonly spi: string
    readonly nonce: string
    readonly okm_36: string
    readonly init_sa_remote_sent_by_receiver: string
  }[]
  readonly packets: readonly EspPacket[]
}

/** Packets that original peers' kernels sealed open with the keys that we derive, and are sealed the same again. */
function* recorded({ session_key, sas, packets }: Recorded): Iterable<Observation> {
  const keyOf = new Map<number, Uint8Array>()
  for (const sa of sas) {
    const spi = Number(sa.spi)
    const nonce = fromHex(sa.nonce)
    const key = deriveEspKey(fromHex(session_key), nonce, peerName(peerFromHex(sa.receiver_peer_name)))
    keyOf.set(spi, key)
    yield { case: `${sa.direction}: key and salt`, expected: sa.okm_36, actual: toHex(key) }
    yield* message(sa.direction, { nonce, spi }, sa.init_sa_remote_sent_by_receiver)
  }
  for (const [i, packet] of packets.entries()) {
    const key = keyOf.get(Number.parseInt(packet.spi, 16)) ?? new Uint8Array(36)
    const { plaintext, resealed } = openAndSeal(key, fromHex(packet.esp))
    const trailer = `${packet.pad}${(packet.pad.length / 2).toString(16).padStart(2, '0')}${packet.next_header.toString(16)}`
    yield {
      case: `packet ${i} (${packet.kind}): opened`,
      expected: packet.inner_udp + trailer,
      actual: plaintext,
    }
    yield { case: `packet ${i}: sealed`, expected: packet.esp, actual: resealed }
  }
}

/** RFC 4106 with extended sequence numbers: SPI 4 | number 4 | IV 8 | ciphertext | tag 16. */
function openAndSeal(key: Uint8Array, esp: Uint8Array): { plaintext: string; resealed: string } {
  const [head, iv] = [esp.subarray(0, 8), esp.subarray(8, 16)]
  const [sealed, tag] = [esp.subarray(16, -16), esp.subarray(-16)]
  const nonce = Buffer.concat([key.subarray(32), iv])
  const aad = Buffer.concat([head.subarray(0, 4), new Uint8Array(4), head.subarray(4)])
  const opening = createDecipheriv('aes-256-gcm', key.subarray(0, 32), nonce).setAAD(aad).setAuthTag(tag)
  const plaintext = Buffer.concat([opening.update(sealed), opening.final()])
  const sealing = createCipheriv('aes-256-gcm', key.subarray(0, 32), nonce).setAAD(aad)
  const again = Buffer.concat([head, iv, sealing.update(plaintext), sealing.final(), sealing.getAuthTag()])
  return { plaintext: toHex(plaintext), resealed: toHex(again) }
}

export const espRunners: Runners = { 'overlay/ipsec-keys.json': keys, 'overlay/esp-recorded.json': recorded }
