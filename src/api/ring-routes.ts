import type { Adoption } from '../ipam/adoptions.ts'
import { shareOut } from '../ipam/apart.ts'
import { IpamError } from '../ipam/errors.ts'
import type { Ipam } from '../ipam/ipam.ts'
import { rangeAsCidr } from '../ipam/range.ts'
import { formatCidr } from '../lib/ip4.ts'
import { formatPeerName, type PeerName } from '../lib/peer-name.ts'
import { goJson } from './go-json.ts'
import { type ApiReply, failure, json, type Route } from './route.ts'

export interface NamedPeer {
  readonly Name: string
  readonly NickName: string
}

/** The rings of the mesh, ours first: more than one where networks were started apart. */
export interface RingsReport {
  readonly Rings: readonly {
    readonly Ours: boolean
    readonly Range: string
    readonly Seeds: readonly NamedPeer[]
    readonly Peers: readonly (NamedPeer & {
      readonly IPs: number
      readonly Free: number
      readonly Reachable: boolean
    })[]
  }[]
}

/** What an adoption does, or did, to what is in use on this host. */
export interface AdoptionReport {
  readonly DryRun: boolean
  readonly Seeds: readonly NamedPeer[]
  readonly Addresses: readonly {
    readonly Ident: string
    readonly CIDR: string
    /** Whose it is in the ring to adopt; null where it is outside of the range. */
    readonly Owner: NamedPeer | null
    /** Planned: free, taken or unknown. Carried out: kept, taken, or waiting for an answer. */
    readonly Outcome: Adoption['addresses'][number]['outcome']
  }[]
  /** Reachable peers that are still on the ring that this one gave up. */
  readonly Behind: readonly NamedPeer[]
}

/** Rings that were seeded apart, and giving ours up for another one. Ours; the original has nothing like it. */
export function ringRoutes(ipam: Ipam): Route[] {
  return [
    { method: 'GET', path: '/ipam/rings', handle: () => json(`${goJson(ringsReport(ipam))}\n`) },
    {
      method: 'POST',
      path: '/ipam/adopt',
      handle: ({ form }) => adopt(ipam, form.get('peer') ?? '', form.get('dry-run') === 'true'),
    },
  ]
}

async function adopt(ipam: Ipam, text: string, isDry: boolean): Promise<ApiReply> {
  const peer = ipam.findPeer(text)
  if (peer === undefined) return failure(400, `no peer has the name ${JSON.stringify(text)}`)
  try {
    const adoption = isDry ? ipam.adoptions.plan(peer) : await ipam.adoptions.adopt(peer)
    return json(`${goJson(adoptionReport(ipam, adoption, isDry))}\n`)
  } catch (thrown) {
    if (!(thrown instanceof IpamError)) throw thrown
    return failure(thrown.code === 'not-available' ? 409 : 503, thrown.message)
  }
}

function ringsReport(ipam: Ipam): RingsReport {
  const named = namer(ipam)
  return {
    Rings: ipam.adoptions.sides.map(({ ring, peers }, at) => {
      const shares = shareOut(ring)
      return {
        Ours: at === 0,
        Range: rangeAsCidr(ring),
        Seeds: ring.seeds.map(named),
        Peers: peers.map((peer) => {
          const { size: IPs, free: Free } = shares.get(peer) ?? { size: 0, free: 0 }
          return { ...named(peer), IPs, Free, Reachable: ipam.isReachable(peer) }
        }),
      }
    }),
  }
}

function adoptionReport(ipam: Ipam, { side, addresses, behind }: Adoption, isDry: boolean): AdoptionReport {
  const named = namer(ipam)
  return {
    DryRun: isDry,
    Seeds: side.ring.seeds.map(named),
    Addresses: addresses.map(({ ident, cidr, owner, outcome }) => ({
      Ident: ident,
      CIDR: formatCidr(cidr),
      Owner: owner === undefined ? null : named(owner),
      Outcome: outcome,
    })),
    Behind: behind.map(named),
  }
}

const namer = (ipam: Ipam): ((peer: PeerName) => NamedPeer) => {
  const { nicknames } = ipam.snapshot()
  return (peer) => ({ Name: formatPeerName(peer), NickName: nicknames.get(peer) ?? '' })
}
