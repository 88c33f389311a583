/** Bytes from hexadecimal digits; blanks between them are for the reader. */
export const fromHex = (text: string): Uint8Array =>
  new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))

export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
