export const fromHex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))
export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
/** Six bytes in hex as a number. */
export const peerFromHex = (text: string): number => Number.parseInt(text, 16)
export const peerToHex = (peer: number): string => peer.toString(16).padStart(12, '0')
