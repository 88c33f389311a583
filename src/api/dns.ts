import type { Dns, DnsStatus } from '../dns/dns.ts'
import type { Entry } from '../dns/entry.ts'
import type { ListenAddress } from '../dns/listen-address.ts'
import { formatIp4, type Ip4, tryParseIp4 } from '../lib/ip4.ts'
import { formatPeerName } from '../lib/peer-name.ts'
import { goJson } from './go-json.ts'
import type { DnsRecordReport, DnsReport } from './report.ts'
import {
  type ApiReply,
  type ApiRequest,
  failure,
  methodNotAllowed,
  noContent,
  type Route,
  text,
} from './route.ts'

export interface DnsRoutesParts {
  readonly dns: Dns
  /** Whether the container runs, as far as Docker knows; absent without Docker. */
  readonly isRunning?: (containerId: string) => Promise<boolean>
}

/** Names of containers (http §2.2), and records by hand, which are ours. */
export function dnsRoutes({ dns, isRunning }: DnsRoutesParts): Route[] {
  return [
    { method: 'GET', path: '/domain', handle: () => text(dns.domain) },
    { method: 'GET', path: '/dns-address', handle: () => text(first(dns)?.host ?? '') },
    { method: 'GET', path: '/dns-address-port', handle: () => text(dns.status().addresses[0] ?? '') },
    { method: 'GET', path: '/name', handle: ({ accept }) => names(dns, accept) },
    {
      method: 'PUT',
      path: '/name/:container/:ip',
      handle: async (request) => register(dns, request, isRunning),
    },
    { method: 'DELETE', path: '/name/:container/:ip', handle: async (request) => remove(dns, request) },
    { method: 'DELETE', path: '/name/:container', handle: async (request) => remove(dns, request) },
    { method: 'DELETE', path: '/name', handle: async (request) => remove(dns, request) },
    ...recordRoutes(dns),
  ]
}

const first = (dns: Dns): ListenAddress | undefined => dns.addresses[0]

/** Only for this very header: the path is known to scripts as 405 otherwise. The type is plain text, as always was. */
function names(dns: Dns, accept: string | undefined): ApiReply {
  if (accept !== 'application/json') return methodNotAllowed
  const entries = dns.status().entries.map((entry) => ({
    ContainerID: entry.containerId,
    Origin: entry.origin,
    Addr: formatIp4(entry.addr),
    Hostname: entry.hostname,
    Version: entry.version,
    Tombstone: entry.tombstone,
  }))
  return text(`${entries.length === 0 ? 'null' : goJson(entries)}\n`)
}

async function register(
  dns: Dns,
  { params, form }: ApiRequest,
  isRunning: DnsRoutesParts['isRunning'],
): Promise<ApiReply> {
  const containerId = params['container'] ?? ''
  const addr = addressOf(params['ip'])
  if (typeof addr !== 'number') return addr
  await dns.names.add({ fqdn: form.get('fqdn') ?? '', containerId, addr, byHand: true })

  // The name stands while Docker is asked, so that an end reported meanwhile finds it.
  const mustRun = form.get('check-alive') === 'true' && isRunning !== undefined
  if (mustRun && !(await isRunning(containerId))) await dns.names.remove({ containerId })
  return noContent
}

async function remove(dns: Dns, { params, query }: ApiRequest): Promise<ApiReply> {
  const addr = params['ip'] === undefined ? undefined : addressOf(params['ip'])
  if (typeof addr === 'object') return addr
  const hostname = query.get('fqdn') ?? ''
  const containerId = params['container']
  await dns.names.remove({
    ...(hostname === '' ? {} : { hostname }),
    ...(containerId === undefined ? {} : { containerId }),
    ...(addr === undefined ? {} : { addr }),
  })
  return noContent
}

function addressOf(given: string | undefined): Ip4 | ApiReply {
  return tryParseIp4(given ?? '') ?? failure(400, `invalid IP Address: ${given ?? ''}`)
}

/** CNAME, SRV, TXT and AAAA records that users add by hand. */
function recordRoutes(dns: Dns): Route[] {
  const remove = async ({ params, query }: ApiRequest): Promise<ApiReply> => {
    const { name = '', type } = params
    const value = query.get('value')
    const removed = await dns.names.removeRecord({
      name,
      ...(type === undefined ? {} : { type: type.toUpperCase() }),
      ...(value === null ? {} : { value }),
    })
    return removed ? noContent : failure(404, `this peer has no such record of ${name}`)
  }
  return [
    {
      method: 'GET',
      path: '/record',
      handle: () => {
        const records = dns.status().records.map(({ name, type, value, origin }) => ({
          name,
          type,
          value,
          origin: formatPeerName(origin),
        }))
        return { status: 200, body: `${goJson(records)}\n`, type: 'application/json' }
      },
    },
    {
      method: 'PUT',
      path: '/record/:name/:type',
      handle: async ({ params, form }) => {
        await dns.names.addRecord(params['name'] ?? '', params['type'] ?? '', form.get('value') ?? '')
        return noContent
      },
    },
    { method: 'DELETE', path: '/record/:name/:type', handle: remove },
    { method: 'DELETE', path: '/record/:name', handle: remove },
  ]
}

/** Section `DNS` of the report (http §4.2): tombstones included. */
export function dnsReport(status: DnsStatus): DnsReport {
  return {
    Domain: status.domain,
    Upstream: status.upstream.length === 0 ? null : status.upstream,
    Address: status.addresses.join(','),
    TTL: status.ttlSec,
    Entries: status.entries.length === 0 ? null : status.entries.map(entryReport),
    ...(status.records.length > 0 && { Records: status.records.map(recordReport) }),
  }
}

const recordReport = ({ name, type, value, origin }: DnsStatus['records'][number]): DnsRecordReport => ({
  Hostname: name,
  Origin: formatPeerName(origin),
  Type: type,
  Value: value,
})

const entryReport = (entry: Entry): NonNullable<DnsReport['Entries']>[number] => ({
  Hostname: entry.hostname,
  Origin: formatPeerName(entry.origin),
  ContainerID: entry.containerId,
  Address: formatIp4(entry.addr),
  Version: entry.version,
  Tombstone: entry.tombstone,
})
