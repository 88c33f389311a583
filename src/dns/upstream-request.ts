import type { Query } from './query.ts'
import { setU16 } from './wire.ts'

/** EDNS options between two neighbours only: cookie, keepalive, padding (RFC 7873, 7828, 7830). */
const HOP_BY_HOP = new Set([10, 11, 12])

/** What goes to an upstream server: the query whole, as the client wrote it, with an id of our own. */
export function upstreamRequest(query: Query, id: number): Uint8Array {
  const request = withoutHopOptions(query)
  setU16(request, 0, id)
  return request
}

function withoutHopOptions(query: Query): Uint8Array {
  const { bytes, opt } = query
  if (opt === undefined || !opt.options.some((option) => HOP_BY_HOP.has(option.code)))
    return new Uint8Array(bytes)
  const kept = opt.options.filter((option) => !HOP_BY_HOP.has(option.code)).map(encodeOption)
  const data = Buffer.concat(kept)
  const request = Buffer.concat([bytes.subarray(0, opt.span.dataAt), data, bytes.subarray(opt.span.end)])
  setU16(request, opt.span.dataAt - 2, data.length)
  return request
}

function encodeOption(option: { readonly code: number; readonly data: Uint8Array }): Uint8Array {
  const bytes = new Uint8Array(4 + option.data.length)
  setU16(bytes, 0, option.code)
  setU16(bytes, 2, option.data.length)
  bytes.set(option.data, 4)
  return bytes
}
