import { hkdfSync } from 'node:crypto'
import { Reader, Writer } from '../../../lib/bytes.ts'
import { WireError } from '../../../lib/errors.ts'
import { type PeerName, peerNameToBytes } from '../../../lib/peer-name.ts'

/*
 * What the receiver of an encrypted direction tells the sender, over the encrypted control connection (overlay §6.2):
 *
 *    0         32        36                 64
 *   +---------+---------+------------------+
 *   | nonce   | SPI     | zeros            |     the zeros are demanded by old peers
 *   +---------+---------+------------------+
 */
const NONCE_BYTES = 32
const MESSAGE_BYTES = 64
/** 32 bytes for AES-256-GCM and 4 of salt (RFC 4106), as the kernel takes them. */
const KEY_BYTES = 36
/** Smaller ones are reserved (RFC 4303 §2.1). */
const LOWEST_SPI = 0x100

export interface EspKeyMessage {
  /** 32 random bytes of the receiver. */
  readonly nonce: Uint8Array
  /** By which the receiver finds the key of a packet. */
  readonly spi: number
}

export function encodeEspKeyMessage({ nonce, spi }: EspKeyMessage): Uint8Array {
  const writer = new Writer(MESSAGE_BYTES).bytes(nonce).u32(spi)
  return writer.bytes(new Uint8Array(MESSAGE_BYTES - NONCE_BYTES - 4)).finish()
}

/** Throws `WireError` for another length or a reserved SPI; what follows the SPI does not matter. */
export function decodeEspKeyMessage(body: Uint8Array): EspKeyMessage {
  if (body.length !== MESSAGE_BYTES)
    throw new WireError(`ESP key message of ${body.length} bytes instead of ${MESSAGE_BYTES}`)
  const reader = new Reader(body)
  const nonce = reader.bytes(NONCE_BYTES).slice()
  const spi = reader.u32()
  if (spi < LOWEST_SPI) throw new WireError(`ESP key message with the reserved SPI ${spi}`)
  return { nonce, spi }
}

/** Key and salt of the direction towards `receiver` (overlay §6.1), 36 bytes. */
export function deriveEspKey(sessionKey: Uint8Array, nonce: Uint8Array, receiver: PeerName): Uint8Array {
  const info = new Uint8Array(8)
  info.set(peerNameToBytes(receiver), 2)
  return new Uint8Array(hkdfSync('sha256', sessionKey, nonce, info, KEY_BYTES))
}
