import { IpamError } from '../ipam/errors.ts'
import type { Ipam } from '../ipam/ipam.ts'
import { rangeAsCidr } from '../ipam/range.ts'
import type { IpamSnapshot, Share } from '../ipam/snapshot.ts'
import { parseAddress, parseAddressCidr, parseSubnet } from '../ipam/subnet.ts'
import { messageOf, WeaveError } from '../lib/errors.ts'
import { type Cidr, formatCidr, formatIp4, rangeSize } from '../lib/ip4.ts'
import { formatPeerName } from '../lib/peer-name.ts'
import { goJson } from './go-json.ts'
import type { IpamReport, LeaseReport } from './report.ts'
import {
  type ApiReply,
  type ApiRequest,
  failure,
  json,
  methodNotAllowed,
  noContent,
  type Route,
  text,
} from './route.ts'

export interface IpamRoutesParts {
  readonly ipam: Ipam
}

/** Addresses and the ring (ipam §15, http §2.1). Long requests end when the client hangs up. */
export function ipamRoutes({ ipam }: IpamRoutesParts): Route[] {
  const routes: Route[] = [
    { method: 'GET', path: '/ipinfo/defaultsubnet', handle: () => text(formatCidr(ipam.defaultSubnet)) },
    // No tracker: cloud routes are not kept up by the daemon.
    { method: 'GET', path: '/ipinfo/tracker', handle: () => text('\n') },
    { method: 'GET', path: '/ip', handle: () => owned(ipam) },
    { method: 'GET', path: '/ip/:id', handle: (request) => lookup(ipam, request) },
    { method: 'GET', path: '/ip/:id/:ip/:len', handle: (request) => lookup(ipam, request) },
    { method: 'POST', path: '/ip/:id', handle: (request) => allocate(ipam, request) },
    { method: 'POST', path: '/ip/:id/:ip/:len', handle: (request) => allocate(ipam, request) },
    { method: 'PUT', path: '/ip/:id/:ip/:len', handle: (request) => claim(ipam, request) },
    { method: 'DELETE', path: '/ip/:id/:ip', handle: (request) => free(ipam, request) },
    { method: 'DELETE', path: '/ip/:id', handle: (request) => release(ipam, request) },
    { method: 'GET', path: '/ring', handle: ({ signal }) => prime(ipam, signal) },
  ]
  return routes.map((route) => ({ ...route, handle: (request) => withoutSlashes(request, route) }))
}

/** The original decodes a path before it takes it apart: an encoded slash in a name makes another path. */
function withoutSlashes(request: ApiRequest, route: Route): ApiReply | Promise<ApiReply> {
  const hasSlash = Object.values(request.params).some((value) => value.includes('/'))
  return hasSlash ? methodNotAllowed : route.handle(request)
}

const identOf = ({ params }: ApiRequest): string => params['id'] ?? ''

function cidrText({ params }: ApiRequest): string | undefined {
  const { ip, len } = params
  return ip === undefined || len === undefined ? undefined : `${ip}/${len}`
}

function subnetOf(request: ApiRequest): Cidr | undefined {
  const cidr = cidrText(request)
  return cidr === undefined ? undefined : parseSubnet(cidr)
}

function owned(ipam: Ipam): ApiReply {
  const idents = [...ipam.owned].map(([containerid, { cidrs }]) => ({
    containerid,
    addrs: cidrs.map(formatCidr),
  }))
  return json(`${goJson({ owned: idents.length === 0 ? null : idents })}\n`)
}

async function lookup(ipam: Ipam, request: ApiRequest): Promise<ApiReply> {
  const cidrs = await ipam.lookup(identOf(request), subnetOf(request))
  return text(cidrs.map(formatCidr).join(' '))
}

async function allocate(ipam: Ipam, request: ApiRequest): Promise<ApiReply> {
  const { form, signal } = request
  const checkAlive = form.get('check-alive') === 'true'
  return await answering('', async () => {
    const cidr = await ipam.allocate(identOf(request), subnetOf(request), { checkAlive, signal })
    return text(formatCidr(cidr))
  })
}

async function claim(ipam: Ipam, request: ApiRequest): Promise<ApiReply> {
  const { form, signal } = request
  const cidr = parseAddressCidr(cidrText(request) ?? '')
  const checkAlive = form.get('check-alive') === 'true'
  const noErrorOnUnknown = form.get('noErrorOnUnknown') === 'true'
  return await answering('Unable to claim: ', async () => {
    await ipam.claim(identOf(request), cidr, { checkAlive, noErrorOnUnknown, signal })
    return noContent
  })
}

async function free(ipam: Ipam, request: ApiRequest): Promise<ApiReply> {
  const addr = parseAddress(request.params['ip'] ?? '')
  return await answering('Unable to free: ', async () => {
    await ipam.free(identOf(request), addr)
    return noContent
  })
}

async function release(ipam: Ipam, request: ApiRequest): Promise<ApiReply> {
  return await answering('', async () => {
    await ipam.delete(identOf(request))
    return noContent
  })
}

async function prime(ipam: Ipam, signal: AbortSignal): Promise<ApiReply> {
  await ipam.prime(signal)
  return text('')
}

/** A cancelled request is a success for scripts that know the original; the state directory's trouble is ours. */
async function answering(prefix: string, act: () => Promise<ApiReply>): Promise<ApiReply> {
  try {
    return await act()
  } catch (thrown) {
    if (!(thrown instanceof WeaveError)) throw thrown
    if (thrown instanceof IpamError) {
      if (thrown.code === 'cancelled') return text('cancelled')
      if (thrown.code === 'not-written' || thrown.code === 'stopped') return failure(503, messageOf(thrown))
    }
    return failure(400, `${prefix}${messageOf(thrown)}`)
  }
}

/** The allocator's part of `/report`. */
export function ipamReport(snapshot: IpamSnapshot): IpamReport {
  const { awaiting, range, shares, pieces, pendingClaims, pendingAllocates, leases } = snapshot
  const reachable = new Set(shares.filter((share) => share.isReachable).map((share) => share.peer))
  return {
    Paxos: awaiting
      ? { Elector: awaiting.elector, KnownNodes: awaiting.known, Quorum: awaiting.quorum }
      : null,
    Range: rangeAsCidr(range),
    RangeNumIPs: rangeSize(range),
    ActiveIPs: snapshot.active,
    DefaultSubnet: formatCidr(snapshot.defaultSubnet),
    Entries: nullIfEmpty(
      pieces.map((piece) => ({
        Token: formatIp4(piece.start),
        Size: rangeSize(piece),
        Peer: formatPeerName(piece.peer),
        Nickname: snapshot.nicknames.get(piece.peer) ?? '',
        IsKnownPeer: reachable.has(piece.peer),
        Version: piece.version,
        ...leaseOf(shares.find((share) => share.peer === piece.peer)),
      })),
    ),
    PendingClaims: nullIfEmpty(
      pendingClaims.map(({ ident, cidr }) => ({
        Ident: ident,
        CIDR: { Addr: formatIp4(cidr.addr), PrefixLen: cidr.prefixLen },
      })),
    ),
    PendingAllocates: nullIfEmpty(
      pendingAllocates.map(({ ident, subnet }) => `${ident} ${formatCidr(subnet)}`),
    ),
    ...(leases && {
      Leases: {
        Epoch: leases.epoch,
        Members: leases.members.map(formatPeerName),
        Reachable: leases.reachable,
        Voters: leases.voters.map(formatPeerName),
        VotersReachable: leases.votersReachable,
        Majority: leases.majority,
        LeaseTimeSec: leases.leaseTime / 1000,
        HoldTimeSec: leases.holdTime / 1000,
        Lapsed: leases.isLapsed,
        WhyNot: leases.whyNot ?? '',
      },
    }),
  }
}

function leaseOf(share: Share | undefined): { readonly Lease?: LeaseReport } {
  if (share?.lease === undefined) return {}
  const seconds = (ms: number | undefined): number | null => (ms === undefined ? null : Math.round(ms / 1000))
  const { state, leasedFor, backIn } = share.lease
  return {
    Lease: { State: state, Free: share.free, LeasedForSec: seconds(leasedFor), BackInSec: seconds(backIn) },
  }
}

const nullIfEmpty = <T>(list: readonly T[]): readonly T[] | null => (list.length === 0 ? null : list)
