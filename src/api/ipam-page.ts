import { FEWEST_MEMBERS } from '../ipam/lease/epoch.ts'
import type { IpamReport, LeaseReport, Report } from './report.ts'

interface Owner {
  readonly name: string
  readonly label: string
  readonly addresses: number
  readonly known: boolean
  readonly lease: LeaseReport | undefined
}

/** As wide as `- unreachable!`, the longest note of the original. */
const NOTE_WIDTH = 14

/**
 * `/status/ipam`: empty when IPAM is off or has no ring yet. Ourself first, then by name (http §3.6). With leases,
 * each line says what becomes of the owner's space, and the last lines what holds for all.
 */
export function ipamText({ IPAM, Router }: Report): string {
  const total = IPAM?.RangeNumIPs ?? 1
  const rank = (name: string): string => (name === Router.Name ? '' : name)
  const owners = [...ownersOf(IPAM).values()].sort((a, b) => (rank(a.name) < rank(b.name) ? -1 : 1))
  const lines = owners.map(({ name, label, addresses, known, lease }) => {
    const share = ((100 * addresses) / total).toFixed(1).padStart(4, '0')
    const isOwn = name === Router.Name
    const note = isOwn ? `(${IPAM?.ActiveIPs ?? 0} active)` : known ? '' : '- unreachable!'
    const rest =
      lease === undefined
        ? note
        : `${note.padEnd(NOTE_WIDTH)} ${leaseNote(lease, known, isOwn, IPAM?.Leases?.Lapsed ?? false)}`
    return `${label.padEnd(37)} ${String(addresses).padStart(8)} IPs (${share}% of total) ${rest}\n`
  })
  const others = owners.filter(({ name }) => name !== Router.Name)
  return [...lines, ...leaseLines(IPAM?.Leases), ...remedy(others, IPAM?.Leases)].join('')
}

function ownersOf(ipam: IpamReport | undefined): Map<string, Owner> {
  const owners = new Map<string, Owner>()
  for (const { Peer, Nickname, Size, IsKnownPeer, Lease } of ipam?.Entries ?? []) {
    const owner = owners.get(Peer)
    owners.set(Peer, {
      name: Peer,
      label: owner?.label ?? `${Peer}(${Nickname})`,
      addresses: (owner?.addresses ?? 0) + Size,
      known: (owner?.known ?? false) || IsKnownPeer,
      lease: Lease,
    })
  }
  return owners
}

function leaseNote(
  { State, Free, LeasedForSec, BackInSec }: LeaseReport,
  known: boolean,
  isOwn: boolean,
  isLapsed: boolean,
): string {
  const free = `${Free} free`
  switch (State) {
    case 'outside':
      return known && !isOwn ? `${free}, has no lease` : `${free}, no lease: never taken over by itself`
    case 'departed':
      return known ? 'was taken for gone, is back' : `gone: what its containers had ${back(BackInSec)}`
    case 'member':
      if (isOwn && isLapsed) return `${free}, no lease`
      if (!known) return `${free}: ${back(BackInSec)}`
      // Where there are too few hosts nobody needs one.
      return LeasedForSec === null ? free : `${free}, leased for ${span(LeasedForSec)}`
    default:
      return State satisfies never
  }
}

const back = (seconds: number | null): string =>
  seconds === null
    ? 'does not come back by itself'
    : `comes back ${seconds === 0 ? 'now' : `in ${span(seconds)}`}`

function leaseLines(leases: IpamReport['Leases']): string[] {
  if (leases === undefined) return []
  const { Epoch, Members, Reachable, Lapsed, WhyNot, LeaseTimeSec, HoldTimeSec } = leases
  const { Voters, VotersReachable, Majority } = leases
  const what = Members.length > 0 && Members.length < FEWEST_MEMBERS ? 'From these nothing' : 'Nothing'
  const why = WhyNot === '' ? [] : [`${what} is taken over by itself: ${WhyNot}.\n`]
  if (Members.length === 0) return ['Leases: none yet.\n', ...why]
  const state = Lapsed ? 'OURS HAS LAPSED, no addresses are given out here; ' : ''
  const count = `${Members.length} ${Members.length === 1 ? 'host has' : 'hosts have'} one`
  return [
    `Leases: ${state}${count}, ${Reachable} can be reached (epoch ${Epoch}).\n`,
    `${Voters.length} of them vote, ${VotersReachable} can be reached, ${Majority} make a majority.\n`,
    ...why,
    ...(why.length > 0
      ? []
      : [
          `A host that is gone for ${span(LeaseTimeSec)} loses its free space, ${span(HoldTimeSec)} later what its containers had.\n`,
        ]),
  ]
}

/** What an operator can do for space that does not come back by itself. Without a majority `weave status` says what. */
function remedy(others: readonly Owner[], leases: IpamReport['Leases']): string[] {
  if (leases === undefined || leases.Lapsed) return []
  const stuck = others.filter(
    ({ known, lease }) => !known && (lease === undefined ? leases.WhyNot !== '' : lease.BackInSec === null),
  )
  if (stuck.length === 0) return []
  return [
    `Gone for good? Give their space to this host: weave rmpeer ${stuck.map(({ name }) => name).join(' ')}\n`,
  ]
}

/** `6s`, `9m50s`, `23h59m`: the two largest units. */
export function span(seconds: number): string {
  const whole = Math.round(seconds)
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60]
  const parts = [hours > 0 ? `${hours}h` : '', minutes > 0 ? `${minutes}m` : '', rest > 0 ? `${rest}s` : '']
  return (
    parts
      .filter((part) => part !== '')
      .slice(0, 2)
      .join('') || '0s'
  )
}
