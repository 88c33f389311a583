import { intersection } from '../../../src/ipam/lease/lease.ts'
import { joinRanges } from '../../../src/ipam/range.ts'
import { ownedRanges, ringFault } from '../../../src/ipam/ring.ts'
import type { Cidr, Ip4, Range } from '../../../src/lib/ip4.ts'
import { cidrRange, formatIp4 } from '../../../src/lib/ip4.ts'
import { formatPeerName } from '../../../src/lib/peer-name.ts'
import type { Rng } from '../../../src/lib/rng.ts'
import { History } from './history.ts'
import type { SimPeer } from './peer.ts'

/** The containers of all hosts: what they ask the allocators for, and the history of what they got. */
export class Containers {
  readonly history = new History()
  readonly subnet: Cidr
  readonly #rng: Rng
  #idents = 0

  constructor(rng: Rng, subnet: Cidr) {
    this.#rng = rng
    this.subnet = subnet
  }

  /** A container that wants an address; given up after a while, like `docker run` does. */
  allocate(peer: SimPeer, giveUpAfter = 20_000): void {
    const ident = `c${++this.#idents}`
    let over = false
    const id = peer.request(
      (allocator, request, now) =>
        allocator.allocate(request, { ident, subnet: this.subnet, isContainer: false }, now),
      (answer) => {
        over = true
        if (answer.kind === 'address') this.history.given(peer.queue.now, peer.name, ident, answer.cidr.addr)
      },
    )
    peer.queue.after(giveUpAfter, () => {
      if (!over) peer.step((allocator, now) => allocator.cancel(id, now))
    })
  }

  claim(peer: SimPeer): void {
    const ident = `c${++this.#idents}`
    const { start, end } = cidrRange(this.subnet)
    const addr = (start + 1 + this.#rng.below(end - start - 2)) as Ip4
    const request = {
      ident,
      cidr: { addr, prefixLen: this.subnet.prefixLen },
      isContainer: false,
      noErrorOnUnknown: false,
    }
    peer.request(
      (allocator, id, now) => allocator.claim(id, request, now),
      (answer) => {
        if (answer.kind === 'done') this.history.given(peer.queue.now, peer.name, ident, addr)
      },
    )
  }

  /** A container ends; whoever asks for it asks again until the daemon has said yes. */
  release(peer: SimPeer, isGone: () => boolean): void {
    const idents = this.history.idents(peer.name)
    const ident = idents[this.#rng.below(Math.max(idents.length, 1))]
    if (ident === undefined) return
    this.history.released(peer.name, ident)
    this.giveBack(peer, ident, isGone)
  }

  /** Asks until the daemon has it on disk that the ident holds nothing. */
  giveBack(peer: SimPeer, ident: string, isGone: () => boolean): void {
    const tell = (): void => {
      if (isGone()) return
      let answered = false
      peer.request(
        (allocator, id, now) => allocator.delete(id, ident, now),
        (answer) => {
          answered = answer.kind === 'done' || (answer.kind === 'failed' && answer.code === 'not-found')
        },
      )
      peer.queue.after(2000, () => {
        if (!answered) tell()
      })
    }
    tell()
  }

  /** What must hold at any instant: sound rings, a space set that equals the ring, and one owner for each address. */
  check(peers: readonly SimPeer[], now: number): void {
    for (const { name, allocator } of peers) {
      if (allocator === undefined) continue
      const fault = ringFault(allocator.ring)
      if (fault !== undefined) this.history.violation(now, `${formatPeerName(name)}: ${fault}`)
      const ranges = ownedRanges(allocator.ring, name)
      if (!areEqual(joinRanges(ranges), allocator.view.holdings.space.owned()))
        this.history.violation(now, `${formatPeerName(name)}: ring and space differ`)
    }
    for (const text of this.overlaps(peers)) this.history.violation(now, text)
  }

  /** Space that two peers think they own. What is in dispute does not count: whoever knows of that gives nothing out of it. */
  overlaps(peers: readonly SimPeer[]): string[] {
    const owners = peers.flatMap(({ name, allocator }) => {
      const { space } = allocator?.view.holdings ?? {}
      return (space?.owned() ?? []).flatMap((range) =>
        (space?.open(range) ?? [])
          .flatMap((part) =>
            space?.permitted === undefined ? [part] : intersection([part], space.permitted),
          )
          .map((part) => ({ range: part, peer: name })),
      )
    })
    owners.sort((a, b) => a.range.start - b.range.start)
    return owners.flatMap(({ range, peer }, i) => {
      const next = owners[i + 1]
      if (next === undefined || next.range.start >= range.end) return []
      return [
        `${formatPeerName(peer)} and ${formatPeerName(next.peer)} both own ${formatIp4(next.range.start)}`,
      ]
    })
  }

  /** What must hold when all have talked in peace: one ring, no conflict, and nobody waits for what is there. */
  checkAtPeace(peers: readonly SimPeer[], now: number): void {
    const { start, end } = cidrRange(this.subnet)
    const hosts = { start: start + 1, end: end - 1 }
    const allocators = peers.flatMap(({ allocator }) => (allocator === undefined ? [] : [allocator]))
    const free = allocators.reduce((sum, { view }) => sum + view.holdings.space.freeWithin(hosts), 0)
    const waiting = allocators.reduce((sum, { view }) => sum + view.requests.allocates.length, 0)
    if (free > 0 && waiting > 0)
      this.history.violation(now, `${waiting} requests wait although ${free} addresses are free`)
    const rings = new Set(allocators.map(({ ring }) => JSON.stringify([ring.entries, ring.seeds])))
    if (rings.size > 1) this.history.violation(now, `${rings.size} different rings after healing`)
    const names = new Set(peers.map(({ name }) => name))
    for (const { foreignRings } of allocators) {
      for (const { peer, conflict } of foreignRings)
        if (names.has(peer)) this.history.violation(now, conflict.text)
    }
  }
}

const areEqual = (a: readonly Range[], b: readonly Range[]): boolean =>
  a.length === b.length && a.every((range, i) => range.start === b[i]?.start && range.end === b[i]?.end)
