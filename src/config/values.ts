import { z } from 'zod'
import { formatCidr, networkOf, tryParseCidr, tryParseIp4 } from '../lib/ip4.ts'
import { parsePeerName } from '../lib/peer-name.ts'
import { parseTruth } from '../lib/truth.ts'

/**
 * Schemas of configuration values. Each takes the text of a flag or of the environment, or the JSON value of
 * the configuration file, and gives the typed value. Their messages finish the sentence "--flag: …".
 */

export const truth = z.union([
  z.boolean(),
  z.string().transform((text, context) => {
    const value = parseTruth(text)
    if (value !== undefined) return value
    context.addIssue(`${JSON.stringify(text)} is neither true nor false`)
    return z.NEVER
  }),
])

export const text = z.string()

/** A whole number within bounds, both included. */
export function whole(least: number, most: number): z.ZodType<number, unknown> {
  const inside = (value: unknown): boolean =>
    Number.isInteger(value) && Number(value) >= least && Number(value) <= most
  return z.preprocess(
    (value) => (typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value),
    z.custom<number>(inside, { error: `must be a whole number from ${least} to ${most}` }),
  )
}

export function oneOf<const Words extends readonly string[]>(
  words: Words,
): z.ZodType<Words[number], unknown> {
  return z.custom<Words[number]>((value) => words.includes(String(value)), {
    error: (issue) => `${JSON.stringify(issue.input)} is none of ${words.join(', ')}`,
  })
}

const isNetwork = (value: string): boolean => {
  const cidr = tryParseCidr(value)
  return cidr !== undefined && networkOf(cidr).addr === cidr.addr
}

const network = z.string().superRefine((value, context) => {
  const cidr = tryParseCidr(value)
  if (cidr === undefined) context.addIssue(`${JSON.stringify(value)} is not a subnet such as 10.32.0.0/12`)
  else if (!isNetwork(value)) {
    context.addIssue(
      `${value} has bits set after its prefix; the subnet of that length is ${formatCidr(networkOf(cidr))}`,
    )
  }
})

/** A subnet with all host bits clear, or nothing. */
export const optionalNetwork = z.union([z.literal(''), network])

/** A list that flags and environment write with commas. */
function commaList(item: z.ZodType<string, unknown>): z.ZodType<readonly string[], unknown> {
  return z.preprocess(
    (value) => (typeof value === 'string' ? value.split(',').filter((word) => word !== '') : value),
    z.array(item),
  )
}

export const networkList = commaList(network)

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** A Go duration (`5s`, `1m30s`, `500ms`) in milliseconds. */
export const duration = z.union([
  z.number().nonnegative(),
  z.string().transform((value, context) => {
    const total = parseDuration(value)
    if (total !== undefined) return total
    context.addIssue(`${JSON.stringify(value)} is not a duration such as 5s, 500ms or 1m30s`)
    return z.NEVER
  }),
])

function parseDuration(value: string): number | undefined {
  if (value === '0') return 0
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/.test(value)) return undefined
  let total = 0
  for (const [, count, unit] of value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) {
    total += Number(count) * (UNITS[unit ?? ''] ?? 0)
  }
  return total
}

/** A peer name as users write it (`02:00:00:00:00:01`, `::1`), or nothing. */
export const optionalPeerName = z.string().superRefine((value, context) => {
  if (value === '') return
  try {
    parsePeerName(value)
  } catch {
    context.addIssue(`${JSON.stringify(value)} is not a peer name such as 02:00:00:00:00:01 or ::1`)
  }
})

/** `host:port` of a listener, a Unix socket's absolute path, or nothing. */
export const listenAddress = z.string().superRefine((value, context) => {
  if (value === '' || value.startsWith('/')) return
  const match = /^(.*):(\d{1,5})$/.exec(value)
  if (match === null || Number(match[2]) > 65_535) {
    context.addIssue(`${JSON.stringify(value)} is neither ADDRESS:PORT nor the absolute path of a socket`)
  }
})

export const optionalIp4 = z.string().superRefine((value, context) => {
  if (value !== '' && tryParseIp4(value) === undefined) {
    context.addIssue(`${JSON.stringify(value)} is not an IPv4 address`)
  }
})

/** How IPAM comes to its ring (ipam §flags): consensus with a count of peers, given owners, or watching only. */
export const ipallocInit = z.string().superRefine((value, context) => {
  if (value === '' || value === 'consensus' || value === 'observer') return
  if (/^consensus=\d+$/.test(value) || value.startsWith('seed=')) return
  context.addIssue(`${JSON.stringify(value)} is none of consensus[=COUNT], seed=NAME,…, observer`)
})

/** An absolute path, or nothing. */
export const optionalPath = z.string().superRefine((value, context) => {
  if (value !== '' && !value.startsWith('/'))
    context.addIssue(`${JSON.stringify(value)} is not an absolute path`)
})
