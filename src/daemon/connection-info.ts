import type { ConnectionReport } from '../api/report.ts'
import type { Clock } from '../lib/clock.ts'
import { formatPeerName } from '../lib/peer-name.ts'
import type { ConnectionSnapshot } from '../mesh/snapshot-types.ts'
import { goTime } from './go-time.ts'

/** One connection with the texts of mesh §15.6. `encryption`: the mesh has a password. */
export function connectionReport(
  connection: ConnectionSnapshot,
  encryption: boolean,
  clock: Clock,
): ConnectionReport {
  const { address: Address, outbound: Outbound, state: State } = connection
  if (!('attributes' in connection)) {
    return { Address, Outbound, State, Info: targetInfo(connection, clock), Attrs: null }
  }
  const { attributes, peer, nickname } = connection
  const sealed = attributes['encrypted'] === true ? 'encrypted' : 'unencrypted'
  const overlay = String(attributes['name'] ?? 'none').padEnd(6)
  const Info = `${encryption ? `${sealed.padEnd(11)} ` : ''}${overlay} ${formatPeerName(peer)}(${nickname})`
  return { Address, Outbound, State, Info, Attrs: new Map(Object.entries(attributes)) }
}

type Target = Exclude<ConnectionSnapshot, { readonly attributes: unknown }>

function targetInfo(target: Target, clock: Clock): string {
  switch (target.state) {
    case 'connecting':
      return ''
    case 'retrying':
      return target.error
    case 'waiting':
      return `until: ${moment(target.retryAt, clock)}`
    case 'failed':
      return `${target.error}, retry: ${target.retryAt === undefined ? 'never' : moment(target.retryAt, clock)}`
    default:
      return target satisfies never
  }
}

const moment = (at: number, clock: Clock): string => goTime(clock.wall() + at - clock.now(), at)
