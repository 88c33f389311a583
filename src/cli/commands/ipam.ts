import { isIP } from 'node:net'
import type { AdoptionReport, NamedPeer, RingsReport } from '../../api/ring-routes.ts'
import { call, formOf } from '../daemon-client.ts'
import { ExitStatus, type Io, UsageFailure } from '../io.ts'

export interface IpamOptions {
  readonly dryRun?: boolean
  readonly json?: boolean
}

/** `weave ipam`: the rings of the mesh. `weave ipam adopt PEER`: takes over the one that PEER has. */
export async function ipam(io: Io, [action, peer]: readonly string[], options: IpamOptions): Promise<number> {
  if (action === undefined) {
    if (options.dryRun === true) throw new UsageFailure('--dry-run is for weave ipam adopt')
    const body = await call(io, { method: 'GET', path: '/ipam/rings' })
    io.out(options.json === true ? body : ringsText(JSON.parse(body) as RingsReport))
    return ExitStatus.ok
  }
  if (action !== 'adopt' || peer === undefined) throw new UsageFailure('')
  const form = formOf('peer', [peer])
  if (options.dryRun === true) form.set('dry-run', 'true')
  const body = await call(io, { method: 'POST', path: '/ipam/adopt', form })
  io.out(options.json === true ? body : adoptionText(JSON.parse(body) as AdoptionReport, peer))
  return ExitStatus.ok
}

const label = ({ Name, NickName }: NamedPeer): string => `${Name}(${NickName})`
const labels = (peers: readonly NamedPeer[]): string => peers.map(label).join(' ')

/** Each ring with who holds what in it; with more than one, what to do about it. */
export function ringsText({ Rings }: RingsReport): string {
  const blocks = Rings.map(({ Ours, Range, Seeds, Peers }, at) => {
    const whose = Ours ? 'this host has it' : 'started apart'
    const head = `Ring ${at + 1} of ${Range}, ${whose}; begun by ${labels(Seeds) || 'nobody yet'}\n`
    return head + Peers.map(peerLine).join('')
  })
  const other = Rings.find(({ Ours }) => !Ours)
  if (other === undefined) return `${blocks.join('')}All peers that are known here have this ring.\n`
  const peer = other.Peers.find(({ Reachable }) => Reachable) ?? other.Peers[0]
  const who = peer === undefined ? 'PEER' : peer.NickName || peer.Name
  return `${blocks.join('\n')}
The rings give out the same addresses. Choose the one that stays; on each host that
has another one, one host after the other:
  weave ipam adopt --dry-run ${who}   shows what would change there
  weave ipam adopt ${who}             changes to the ring of ${who}
`
}

function peerLine(peer: RingsReport['Rings'][number]['Peers'][number]): string {
  const { IPs, Free, Reachable } = peer
  const held = `${String(IPs).padStart(8)} IPs, ${String(Free).padStart(8)} free`
  return `  ${label(peer).padEnd(37)} ${held}${Reachable ? '' : ' - unreachable!'}\n`
}

/** Holds the addresses of the host itself, `weave expose`. */
const EXPOSED = 'weave:expose'

const OUTCOMES: Readonly<Record<AdoptionReport['Addresses'][number]['Outcome'], string>> = {
  free: 'free there: will be kept',
  unknown: 'kept if it is free there; its owner will be asked',
  taken: 'in use there: needs a restart',
  kept: 'kept',
  waiting: 'its owner has not answered yet; see weave logs',
}

/** One line for each address in use here, what has to be restarted, and who is left behind. */
export function adoptionText({ DryRun, Seeds, Addresses, Behind }: AdoptionReport, peer: string): string {
  const head = DryRun
    ? `Nothing is changed. 'weave ipam adopt ${peer}' would take over the ring begun by ${labels(Seeds)}:\n`
    : `This host has the ring begun by ${labels(Seeds)} now.\n`
  const lines = Addresses.map(({ Ident, CIDR, Owner, Outcome }) => {
    const owner = Owner === null ? 'outside of the range' : `${Owner.NickName || Owner.Name}'s`
    return `  ${(isIP(Ident) === 4 ? '' : Ident.slice(0, 12)).padEnd(12)} ${CIDR.padEnd(18)} ${owner}, ${OUTCOMES[Outcome]}\n`
  })
  const taken = [...new Set(Addresses.filter(({ Outcome }) => Outcome === 'taken').map(({ Ident }) => Ident))]
  // Docker names no container when it asks the plugin for an address: that is filed under itself.
  const containers = taken
    .filter((ident) => ident !== EXPOSED)
    .map((ident) => (isIP(ident) === 4 ? `the container with ${ident}` : ident.slice(0, 12)))
  const restart =
    containers.length === 0
      ? ''
      : `${DryRun ? 'To be restarted then' : 'Restart, for another address'}: ${containers.join(', ')}\n`
  const expose = taken.includes(EXPOSED)
    ? `The host's own address${DryRun ? ' then' : ''}: weave hide, then weave expose\n`
    : ''
  const behind =
    Behind.length === 0
      ? ''
      : `${DryRun ? 'Would stay on' : 'Still on'} the ring given up, to be changed as well: ${labels(Behind)}\n`
  return head + lines.join('') + restart + expose + behind
}
