import { z } from 'zod'

const text = z.string()
const flag = z.boolean()
const int = z.int()
const named = { Name: text, NickName: text }
const peer = z.strictObject(named)

export const ringsSchema = z.strictObject({
  Rings: z.array(
    z.strictObject({
      Ours: flag,
      Range: text,
      Seeds: z.array(peer),
      Peers: z.array(z.strictObject({ ...named, IPs: int, Free: int, Reachable: flag })),
    }),
  ),
})

export const adoptionSchema = z.strictObject({
  DryRun: flag,
  Seeds: z.array(peer),
  Addresses: z.array(
    z.strictObject({
      Ident: text,
      CIDR: text,
      Owner: peer.nullable(),
      Outcome: z.enum(['free', 'taken', 'unknown', 'kept', 'waiting']),
    }),
  ),
  Behind: z.array(peer),
})
