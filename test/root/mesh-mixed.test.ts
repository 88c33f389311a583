import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../src/lib/clock.ts'
import { silentLog } from '../../src/lib/log.ts'
import { parsePeerName } from '../../src/lib/peer-name.ts'
import { systemRng } from '../../src/lib/rng.ts'
import { MeshRouter } from '../../src/mesh/router.ts'
import { loadSodium } from '../../src/native/sodium.ts'
import { eventually } from '../support/eventually.ts'
import { MemoryOverlay } from '../support/memory-overlay.ts'
import { inOwnNamespaces } from './support/namespaces.ts'
import { makeLan, Original } from './support/original.ts'

/** The router program of an original peer; these tests are not run without one. */
const ORIGINAL = process.env['WEAVE_ORIGINAL']

/** Two old peers and two new ones: `o1 n1 o2 n2` in a row, so that either kind relays for the other. */
const NAMES = ['o1', 'n1', 'o2', 'n2'] as const
type Nick = (typeof NAMES)[number]
const addressOf = (nick: Nick): string => `10.77.0.${10 + NAMES.indexOf(nick)}`

/** Who is told of whom. */
const SHAPES: Readonly<Record<string, readonly (readonly [Nick, Nick])[]>> = {
  chain: [
    ['n1', 'o1'],
    ['o2', 'n1'],
    ['n2', 'o2'],
  ],
  ring: [
    ['n1', 'o1'],
    ['o2', 'n1'],
    ['n2', 'o2'],
    ['n2', 'o1'],
  ],
  mesh: [
    ['n1', 'o1'],
    ['o2', 'n1'],
    ['n2', 'o2'],
    ['n2', 'o1'],
    ['o2', 'o1'],
    ['n2', 'n1'],
  ],
}

/** One of ours; told of its targets when it starts, also when it starts again. */
class Ours implements AsyncDisposable {
  readonly #nick: Nick
  readonly #password: string | undefined
  readonly #targets: readonly string[]
  #router: MeshRouter | undefined

  constructor(nick: Nick, password: string | undefined, targets: readonly string[]) {
    this.#nick = nick
    this.#password = password
    this.#targets = targets
  }

  async begin(): Promise<void> {
    const password = this.#password === undefined ? undefined : new TextEncoder().encode(this.#password)
    const router = new MeshRouter(
      {
        clock: systemClock,
        rng: systemRng,
        log: silentLog,
        crypto: loadSodium(),
        overlay: new MemoryOverlay(),
      },
      {
        name: parsePeerName(`02:00:00:00:00:b${NAMES.indexOf(this.#nick)}`),
        nickname: this.#nick,
        host: addressOf(this.#nick),
        port: 6783,
        password,
        minVersion: 2,
        maxVersion: 2,
        connectionLimit: 0,
        discovery: false,
        trustedSubnets: [],
      },
    )
    this.#router = router
    await router.start()
    assert.deepEqual(await router.connect(this.#targets), [])
  }

  async kill(): Promise<void> {
    await this.#router?.stop()
    this.#router = undefined
  }

  /** Nicknames of the peers that have described themselves to us. */
  known(): string[] {
    return (this.#router?.status().peers ?? []).flatMap(({ nickname, connections }) =>
      nickname !== '' && connections.length > 0 ? [nickname] : [],
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}

inOwnNamespaces(fileURLToPath(import.meta.url), () => {
  const skip = ORIGINAL === undefined ? 'WEAVE_ORIGINAL does not name an original router' : false
  if (skip === false) makeLan([addressOf('n1'), addressOf('n2')])

  for (const [shape, edges] of Object.entries(SHAPES)) {
    for (const password of [undefined, 'correct horse battery staple']) {
      const how = password === undefined ? 'in clear' : 'with a password'
      test(`a ${shape} of two old and two new peers agrees, ${how}, whoever restarts`, { skip }, async () => {
        const targets = (nick: Nick) => edges.flatMap(([from, to]) => (from === nick ? [addressOf(to)] : []))
        const old = (nick: 'o1' | 'o2'): Promise<Original> =>
          Original.start(ORIGINAL ?? '', {
            name: `02:00:00:00:00:a${NAMES.indexOf(nick)}`,
            nickname: nick,
            address: addressOf(nick),
            args: [
              '--no-discovery',
              ...(password === undefined ? [] : ['--password', password]),
              ...targets(nick),
            ],
          })
        await using n1 = new Ours('n1', password, targets('n1'))
        await using n2 = new Ours('n2', password, targets('n2'))
        await n1.begin()
        await n2.begin()
        await using o1 = await old('o1')
        await using o2 = await old('o2')
        const ours = [n1, n2]
        const theirs = [o1, o2]

        const agreed = async (when: string): Promise<void> => {
          for (const one of ours)
            await eventually(
              `ours know all, ${when}`,
              () => NAMES.every((nick) => one.known().includes(nick)),
              20_000,
            )
          for (const one of theirs)
            await eventually(
              `the originals know all, ${when}`,
              () => {
                const peers = one.status('/status/peers') ?? ''
                return NAMES.every((nick) => peers.includes(`(${nick})`))
              },
              20_000,
            )
        }
        await agreed('at first')
        await n1.kill()
        await n1.begin()
        await agreed('after one of ours restarted')
        await o2.kill()
        await o2.begin()
        await agreed('after an original restarted')
      })
    }
  }
})
