import { promises as dns } from 'node:dns'
import { isIP } from 'node:net'
import { isHostName } from './host-port.ts'
import type { Resolution } from './node-types.ts'

/** The part of the system's resolver that we use; replaced in tests. */
export type Lookup = (
  host: string,
) => Promise<readonly { readonly address: string; readonly family: number }[]>

const systemLookup: Lookup = (host) => dns.lookup(host, { all: true, verbatim: true })

/** Addresses of a host, IPv4 first as old peers have it. Never throws. */
export async function resolveHost(host: string, lookup: Lookup = systemLookup): Promise<Resolution> {
  if (isIP(host) !== 0) return { addresses: [host] }
  if (!isHostName(host)) return { error: `lookup ${host}: no such host` }
  try {
    const found = await lookup(host)
    const sorted = [...found].sort((a, b) => a.family - b.family).map((entry) => entry.address)
    return sorted.length > 0 ? { addresses: sorted } : { error: `lookup ${host}: no such host` }
  } catch (thrown) {
    return { error: `lookup ${host}: ${reasonOf(thrown)}` }
  }
}

function reasonOf(thrown: unknown): string {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
  if (code === 'ENOTFOUND') return 'no such host'
  if (code === 'EAI_AGAIN') return 'the name server does not answer'
  return thrown instanceof Error ? thrown.message : String(thrown)
}
