import { encode, type Question as PacketQuestion } from 'dns-packet'
import { labelsOf, type NameKey } from '../../src/dns/name.ts'
import { type Asked, parseQuery } from '../../src/dns/query.ts'

/** A query as a resolver library writes it, for tests. */
export function queryBytes(
  name: string,
  type: PacketQuestion['type'] = 'A',
  options: { readonly id?: number; readonly flags?: number; readonly edns?: number } = {},
): Uint8Array {
  const { id = 4711, flags = 0x0100, edns } = options
  return encode({
    type: 'query',
    id,
    flags,
    questions: [{ type, name, class: 'IN' }],
    ...(edns === undefined
      ? {}
      : {
          additionals: [
            {
              type: 'OPT',
              name: '.',
              udpPayloadSize: edns,
              extendedRcode: 0,
              ednsVersion: 0,
              flags: 0,
              flag_do: false,
              options: [],
            },
          ],
        }),
  })
}

/** Parsed; fails when it is not well-formed. */
export function parsed(bytes: Uint8Array): Asked {
  const result = parseQuery(bytes)
  if (result.kind !== 'query' || result.query.question === undefined)
    throw new Error(`not a query: ${result.kind}`)
  return { ...result.query, question: result.query.question }
}

/** A key as text with a final dot, for names of plain letters. */
export const keyText = (key: NameKey): string => `${labelsOf(key).join('.')}.`
