import { z } from 'zod'
import { WeaveError } from '../lib/errors.ts'
import { type Cidr, formatCidr, tryParseCidr } from '../lib/ip4.ts'
import { peerName } from '../lib/peer-name.ts'
import type { Change, Store, Stored } from '../state/store.ts'
import type { Durable } from './changes.ts'
import type { Owned, OwnedChanges } from './holdings.ts'
import { NO_PROMISES, type Promises, samePromises } from './promises.ts'
import type { Ring } from './ring.ts'
import type { IpamStore, StoredIpam } from './store.ts'
import { fromPromises, promisesSchema, toPromises } from './stored-promises.ts'

const RING_TABLE = 'ipam'
const RING_KEY = 'ring'
const PROMISES_KEY = 'promises'
const OWNED_TABLE = 'ipam-owned'

const name = z.number().int().nonnegative().transform(peerName)
const count = z
  .number()
  .int()
  .min(0)
  .max(2 ** 32)
const cidr = z.string().transform((text, context): Cidr => {
  const parsed = tryParseCidr(text)
  if (parsed !== undefined) return parsed
  context.addIssue({ code: 'custom', message: `${text} is no CIDR` })
  return z.NEVER
})

const ringSchema = z.object({
  start: count,
  end: count,
  peer: name,
  seeds: z.array(name),
  /** Token, owner, version and free count of each. */
  entries: z.array(z.tuple([count, name, count, count])),
})
const ownedSchema = z.object({ isContainer: z.boolean(), cidrs: z.array(cidr).min(1) })

/** The allocator's tables in the daemon's store: one row for the ring, one for each ident. */
export class StoredIpamState implements IpamStore {
  readonly #store: Store
  /** On disk already. */
  #saved = NO_PROMISES

  constructor(store: Store) {
    this.#store = store
  }

  load(): StoredIpam | undefined {
    const ring = this.#store.get(RING_TABLE, RING_KEY)
    if (ring === undefined) return undefined
    const owned = new Map<string, Owned>()
    for (const [ident, row] of this.#store.entries(OWNED_TABLE))
      owned.set(ident, parse(ownedSchema, row, `the addresses of ${ident}`))
    return { ring: fromRow(parse(ringSchema, ring, 'the ring')), owned, promises: this.#loadPromises() }
  }

  async save({ ring, promises }: Durable, owned: OwnedChanges): Promise<void> {
    const changes: Change[] = [{ table: RING_TABLE, key: RING_KEY, value: toRow(ring) }]
    if (!samePromises(promises, this.#saved))
      changes.push({ table: RING_TABLE, key: PROMISES_KEY, value: fromPromises(promises) })
    for (const [ident, value] of owned) {
      changes.push({ table: OWNED_TABLE, key: ident, value: value && ownedRow(value) })
    }
    await this.#store.commit(changes)
    this.#saved = promises
  }

  #loadPromises(): Promises {
    const row = this.#store.get(RING_TABLE, PROMISES_KEY)
    return row === undefined
      ? NO_PROMISES
      : toPromises(parse(promisesSchema, row, 'what was promised to others'))
  }

  async clear(): Promise<void> {
    const idents = [...this.#store.entries(OWNED_TABLE)].map(([ident]) => ident)
    await this.#store.commit([
      { table: RING_TABLE, key: RING_KEY, value: undefined },
      { table: RING_TABLE, key: PROMISES_KEY, value: undefined },
      ...idents.map((key) => ({ table: OWNED_TABLE, key, value: undefined })),
    ])
    this.#saved = NO_PROMISES
  }
}

function parse<T>(schema: z.ZodType<T>, row: Stored, what: string): T {
  const parsed = schema.safeParse(row)
  if (parsed.success) return parsed.data
  throw new WeaveError(
    'state-damaged',
    `${what} in the state directory cannot be read; run 'weave reset' to start afresh`,
    { cause: parsed.error },
  )
}

const toRow = (ring: Ring): Stored => ({
  start: ring.start,
  end: ring.end,
  peer: ring.peer,
  seeds: ring.seeds,
  entries: ring.entries.map(({ token, peer, version, free }) => [token, peer, version, free]),
})

const fromRow = ({ entries, ...ring }: z.infer<typeof ringSchema>): Ring => ({
  ...ring,
  entries: entries.map(([token, peer, version, free]) => ({ token, peer, version, free })),
})

const ownedRow = ({ isContainer, cidrs }: Owned): Stored => ({ isContainer, cidrs: cidrs.map(formatCidr) })
