import { z } from 'zod'
import { type PeerName, peerName } from '../lib/peer-name.ts'
import type { Stored } from '../state/store.ts'
import { decodeLeaseState, encodeLeaseState } from './lease/codec.ts'
import type { NodeId, ProposalId } from './paxos.ts'
import type { Promises } from './promises.ts'

const name = z.number().int().nonnegative().transform(peerName)
const count = z.number().int().nonnegative()
/** 64 bits do not fit a number of JSON. */
const big = z
  .string()
  .regex(/^[0-9]{1,20}$/)
  .transform(BigInt)
const node = z.tuple([name, big]).transform(([peer, uid]): NodeId => ({ name: peer, uid }))
const proposal = z.tuple([big, node]).transform(([round, proposer]): ProposalId => ({ round, proposer }))

/** The row of the store for what this peer has promised to others. */
export const promisesSchema = z.object({
  elector: z
    .object({ node, promise: proposal, accepted: proposal, value: z.array(name), origin: proposal })
    .nullable(),
  /** The dead peer, and who may take its space over. */
  consents: z.array(z.tuple([name, name])),
  /** Start and end, token and version of the entry that says it is another's. */
  disputed: z.array(z.tuple([count, count, count, count])),
  /** Donor, and who may have got its first space from it; older versions had none. */
  guests: z.array(z.tuple([name, name])).optional(),
  /** One gob value in base64; older versions had none. */
  lease: z.base64().nullish(),
})

export function toPromises(row: z.infer<typeof promisesSchema>): Promises {
  const { elector, consents, disputed, guests = [], lease } = row
  return {
    elector:
      elector === null
        ? undefined
        : {
            node: elector.node,
            claims: {
              promise: elector.promise,
              accepted: elector.accepted,
              acceptedVal: { value: elector.value, origin: elector.origin },
            },
          },
    consents: new Map(consents),
    disputed: disputed.map(([start, end, token, version]) => ({ start, end, token, version })),
    guests: guests.map(([donor, peer]) => ({ donor, peer })),
    lease: typeof lease === 'string' ? decodeLeaseState(Buffer.from(lease, 'base64')) : undefined,
  }
}

export function fromPromises({ elector, consents, disputed, guests, lease }: Promises): Stored {
  return {
    elector:
      elector === undefined
        ? null
        : {
            node: nodeRow(elector.node),
            promise: proposalRow(elector.claims.promise),
            accepted: proposalRow(elector.claims.accepted),
            value: elector.claims.acceptedVal.value,
            origin: proposalRow(elector.claims.acceptedVal.origin),
          },
    consents: [...consents],
    disputed: disputed.map(({ start, end, token, version }) => [start, end, token, version]),
    guests: guests.map(({ donor, peer }) => [donor, peer]),
    lease: lease === undefined ? null : Buffer.from(encodeLeaseState(lease)).toString('base64'),
  }
}

const nodeRow = ({ name: peer, uid }: NodeId): [PeerName, string] => [peer, uid.toString()]
const proposalRow = ({ round, proposer }: ProposalId): [string, [PeerName, string]] => [
  round.toString(),
  nodeRow(proposer),
]
