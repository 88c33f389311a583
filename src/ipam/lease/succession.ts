import type { PeerName } from '../../lib/peer-name.ts'
import type { Agenda } from './agenda.ts'
import { type Epoch, isMember } from './epoch.ts'
import type { Grantor } from './grantor.ts'
import type { Holder } from './holder.ts'
import { latest } from './lease.ts'
import { forcedEpoch } from './next-epoch.ts'
import type { Presence } from './presence.ts'
import type { Order, Proposer } from './proposer.ts'
import type { Recall } from './recall.ts'
import type { LeaseShared } from './shared.ts'
import { voteIn } from './vote.ts'

interface Parts {
  readonly shared: LeaseShared
  readonly holder: Holder
  readonly grantor: Grantor
  readonly proposer: Proposer
  readonly presence: Presence
  readonly recall: Recall
  readonly agenda: Agenda
}

/** How an epoch begins here: one that was chosen, one that we hear of, and one that an operator makes by force. */
export class Succession {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  begin(value: Epoch, now: number): void {
    const { shared, holder, grantor, proposer, presence, recall, agenda } = this.#parts
    const { state } = shared
    const before = shared.vote?.epoch
    const known = before === undefined || before.number === 0 ? [] : before.members
    const joined = value.members.filter((peer) => !known.includes(peer))
    const left = known.filter((peer) => !value.members.includes(peer))
    shared.vote = voteIn(value)
    shared.merge(value.ring)
    if (holder.epochBegan(now)) shared.foundOutdated()
    grantor.epochBegan(now)
    shared.refuse(proposer.epochBegan())
    presence.epochBegan(value.members, now)
    recall.epochBegan(now)
    agenda.epochBegan()
    state.emit({ kind: 'event', event: { kind: 'epoch-began', epoch: value, joined, left } })
    state.emit({ kind: 'broadcast' })
  }

  /** A majority has accepted what we have proposed. */
  chosen(value: Epoch, orders: readonly Order[], now: number): void {
    const { shared } = this.#parts
    this.begin(value, now)
    this.#tell(value)
    for (const { id, dead } of orders) {
      const count = value.taken
        .filter(({ from, to }) => from === dead && to === shared.self)
        .reduce((sum, taken) => sum + taken.count, 0)
      if (!value.leases.has(dead)) shared.state.answer(id, { kind: 'taken', count })
    }
    const text = 'another peer was changing who the members are; try again'
    shared.refuse({ orders: orders.filter(({ dead }) => value.leases.has(dead)), text })
  }

  /** An operator says that the peers are dead: the next epoch is one without them, though nobody agrees on it. False if they had no part in this one. */
  force(dead: PeerName, gone: ReadonlySet<PeerName>, now: number): boolean {
    const { shared, holder } = this.#parts
    const { vote, state, self } = shared
    if (vote === undefined) return false
    const { epoch } = vote
    if (!epoch.leases.has(dead) && !isMember(epoch, dead)) return false
    // Without an epoch of members there is nothing to go on with while most of the founders are there.
    if (epoch.number === 0 && shared.hasMajority()) return false
    holder.bind()
    const leases = new Map([...epoch.leases, ...vote.leases])
    const own = latest(shared.own)
    if (own !== undefined) leases.set(self, own)
    const value = forcedEpoch(epoch, {
      by: { round: (vote.promised?.round ?? 0) + 1, peer: self },
      dead,
      gone,
      absent: new Set(epoch.members.filter((peer) => !state.isKnown(peer))),
      at: Math.floor(state.world.wall?.() ?? now),
      leases,
      ring: state.ring,
    })
    if (value === undefined) return false
    this.begin(value, now)
    this.#tell(value)
    return true
  }

  /** To everybody whom it concerns; who does not get it hears of it with its next message to us. */
  #tell(value: Epoch): void {
    const { shared, presence } = this.#parts
    const everybody = new Set([...value.members, ...value.leases.keys(), ...presence.speakers])
    for (const peer of everybody)
      if (peer !== shared.self && shared.state.isKnown(peer)) shared.sendEpoch(peer)
  }
}
