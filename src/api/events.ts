import type { Report } from './report.ts'

/** Something of the report that comes, goes and changes. */
interface Item {
  readonly kind: 'daemon' | 'connection' | 'peer' | 'target' | 'space' | 'name' | 'problem'
  readonly value: Readonly<Record<string, unknown>>
}

/** One change, as `/events` tells it; `value` is how the thing is now, or was last. */
export interface ChangeEvent extends Item {
  readonly change: 'added' | 'changed' | 'removed'
}

/** Grows by itself: its growth is no news. */
const NO_NEWS = 'keyAgeSec'

/** What two reports differ in, in a fixed order of kinds. */
export function changesBetween(before: Report | undefined, after: Report): ChangeEvent[] {
  const old = before === undefined ? new Map<string, Item>() : itemsOf(before)
  const now = itemsOf(after)
  const gone = [...old].filter(([key]) => !now.has(key))
  const changed = [...now].flatMap(([key, item]): ChangeEvent[] => {
    const last = old.get(key)
    if (last === undefined) return [{ ...item, change: 'added' }]
    return JSON.stringify(last) === JSON.stringify(item) ? [] : [{ ...item, change: 'changed' }]
  })
  return [...gone.map(([, item]): ChangeEvent => ({ ...item, change: 'removed' })), ...changed]
}

function itemsOf({ Ready, Version, Router, IPAM, DNS, Problems }: Report): Map<string, Item> {
  const items = new Map<string, Item>()
  const add = (kind: Item['kind'], id: string, value: Item['value']): void => {
    items.set(`${kind} ${id}`, { kind, value })
  }

  add('daemon', '', { ready: Ready, version: Version, name: Router.Name, nickname: Router.NickName })
  for (const { Address, Outbound, State, Info, Attrs } of Router.Connections ?? []) {
    const attributes = Object.fromEntries([...(Attrs ?? [])].filter(([key]) => key !== NO_NEWS))
    const value = { address: Address, outbound: Outbound, state: State, info: Info.trimEnd(), attributes }
    add('connection', `${Outbound} ${Address}`, value)
  }
  for (const { Name, NickName } of Router.Peers) add('peer', Name, { name: Name, nickname: NickName })
  for (const target of Router.Targets ?? []) add('target', target, { target })
  for (const [peer, value] of ownersOf(IPAM)) add('space', peer, value)
  for (const entry of DNS?.Entries ?? []) {
    if (entry.Tombstone !== 0) continue
    const { Hostname: hostname, Address: address, ContainerID: container, Origin: origin } = entry
    add('name', `${hostname} ${address} ${container} ${origin}`, { hostname, address, container, origin })
  }
  for (const problem of Problems ?? []) add('problem', problem, { problem })
  return items
}

/** How many addresses of the range each peer owns. */
function ownersOf(
  ipam: Report['IPAM'],
): Map<string, { readonly peer: string; readonly addresses: number; readonly reachable: boolean }> {
  const owners = new Map<string, { peer: string; addresses: number; reachable: boolean }>()
  for (const { Peer, Size, IsKnownPeer } of ipam?.Entries ?? []) {
    const addresses = (owners.get(Peer)?.addresses ?? 0) + Size
    owners.set(Peer, { peer: Peer, addresses, reachable: IsKnownPeer })
  }
  return owners
}
