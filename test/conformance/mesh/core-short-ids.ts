import { formatPeerName, type PeerName, parsePeerName } from '../../../src/lib/peer-name.ts'
import { seededRng } from '../../../src/lib/rng.ts'
import { Claims } from '../../../src/mesh/claims.ts'
import { Peers } from '../../../src/mesh/peers.ts'
import { SHORT_IDS } from '../../../src/mesh/short-ids.ts'
import type { Observation, Runners } from '../case.ts'

interface Step {
  readonly op: 'learn' | 'gone'
  readonly name: string
  readonly version: number
  readonly shortID: number
  readonly hasShortID: boolean
  readonly invalidations: number
  readonly ourShortIDChanged: boolean
  readonly ourVersionIncrease: number
  readonly tableAfter: readonly unknown[]
}

interface Vector {
  readonly cases: readonly {
    readonly note: string
    readonly ourName: string
    readonly ourShortID: number
    readonly hub: string
    readonly steps: readonly Step[]
  }[]
  readonly exhaustion: {
    readonly freed: number
    readonly ourShortIDAfter: number
    readonly ourShortIDAfterGC: number
  }
}

const HUB_SHORT_ID = 4000

/** A table in which a hub claims connections to everyone alive, so that a collection removes only who is gone. */
class Scene {
  readonly peers: Peers
  readonly #hub: PeerName
  readonly #alive = new Set<PeerName>()
  #hubVersion = 0n

  constructor(ourName: string, ourShortId: number, hub: string) {
    this.#hub = parsePeerName(hub)
    this.peers = new Peers(
      { name: parsePeerName(ourName), nickname: '', uid: 1n, shortId: ourShortId },
      seededRng(7),
    )
    this.peers.retain({ name: this.#hub, nickname: '', uid: 1n, shortId: HUB_SHORT_ID }, true)
    this.peers.changeOwnClaims(Claims.of([claim(this.#hub)]))
  }

  learn(...learnt: readonly { name: PeerName; version: number; shortId: number | undefined }[]): void {
    for (const { name } of learnt) this.#alive.add(name)
    const described = learnt.map(({ name, version, shortId }) => ({
      name,
      nickname: '',
      uid: 1n,
      version: BigInt(version),
      shortId,
      claims: Claims.none,
    }))
    this.peers.apply([...described, this.#hubNow()])
  }

  gone(name: PeerName): void {
    this.#alive.delete(name)
    this.peers.apply([this.#hubNow()])
    if (this.peers.collect().length > 0) this.peers.settleShortId()
  }

  #hubNow() {
    this.#hubVersion++
    const claims = Claims.of([...this.#alive].map(claim))
    return {
      name: this.#hub,
      nickname: '',
      uid: 1n,
      version: this.#hubVersion,
      shortId: HUB_SHORT_ID,
      claims,
    }
  }
}

function* shortIds(vector: Vector): Generator<Observation> {
  for (const { note, ourName, ourShortID, hub, steps } of vector.cases) {
    const { peers, ...scene } = steppable(new Scene(ourName, ourShortID, hub))
    for (const [i, step] of steps.entries()) {
      const before = {
        invalidations: peers.shortIds.invalidations,
        shortId: peers.self.shortId,
        version: peers.self.version,
      }
      scene.run(step)
      const changed = peers.self.shortId !== before.shortId
      yield {
        case: `${note}, step ${i + 1}`,
        expected: {
          invalidations: step.invalidations,
          ourShortIDChanged: step.ourShortIDChanged,
          ourVersionIncrease: step.ourVersionIncrease,
          tableAfter: sorted(step.tableAfter),
        },
        actual: {
          invalidations: peers.shortIds.invalidations - before.invalidations,
          ourShortIDChanged: changed,
          ourVersionIncrease: Number(peers.self.version - before.version),
          tableAfter: sorted(tableOf(peers, ourShortID)),
        },
      }
    }
  }
  yield exhaustion(vector.exhaustion)
}

const steppable = (scene: Scene) => ({
  peers: scene.peers,
  run: (step: Step): void => {
    const name = parsePeerName(step.name)
    if (step.op === 'gone') scene.gone(name)
    else scene.learn({ name, version: step.version, shortId: step.hasShortID ? step.shortID : undefined })
  },
})

/** Lower names own every id: we stay secondary until one of them goes. */
function exhaustion(expected: Vector['exhaustion']): Observation {
  const scene = new Scene('00:00:00:01:00:00', 0, '00:00:00:01:00:01')
  const owner = (id: number) => (id + 1) as PeerName
  scene.learn(...Array.from({ length: SHORT_IDS }, (_, id) => ({ name: owner(id), version: 1, shortId: id })))
  const after = scene.peers.self.shortId
  scene.gone(owner(expected.freed))
  return {
    case: 'all ids taken, one freed',
    expected: { ourShortIDAfterGC: expected.ourShortIDAfterGC, owned: false },
    actual: {
      ourShortIDAfterGC: scene.peers.self.shortId,
      owned: after !== undefined && scene.peers.shortIds.owner(after) === scene.peers.self.name,
    },
  }
}

const claim = (remote: PeerName) => ({ remote, address: '192.0.2.1:6783', outbound: true, established: true })

/** The table without entries that were only ours before a reassignment, as the vectors show it. */
const tableOf = (peers: Peers, ourFirstId: number) =>
  peers.shortIds.entries().map(({ id, principal, others }) => ({
    shortID: principal === peers.self.name && id !== ourFirstId ? 'our new random one' : id,
    principal: principal === undefined ? null : formatPeerName(principal),
    others: others.map(formatPeerName),
  }))

const sorted = (table: readonly unknown[]): string[] =>
  table.map((entry) => JSON.stringify(entry, Object.keys(entry as object).sort())).sort()

export const shortIdRunners: Runners = { 'mesh/short-ids.json': shortIds }
