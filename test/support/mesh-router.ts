import { randomInt } from 'node:crypto'
import { type Clock, systemClock } from '../../src/lib/clock.ts'
import { type Log, silentLog } from '../../src/lib/log.ts'
import { type PeerName, parsePeerName } from '../../src/lib/peer-name.ts'
import { systemRng } from '../../src/lib/rng.ts'
import type { MeshOptions } from '../../src/mesh/node-types.ts'
import { MeshRouter } from '../../src/mesh/router.ts'
import type { RouterEvents } from '../../src/mesh/router-types.ts'
import { loadSodium } from '../../src/native/sodium.ts'
import { MemoryOverlay } from './memory-overlay.ts'

/** A router on a loopback address of its own. */
export interface TestRouter extends AsyncDisposable {
  readonly router: MeshRouter
  readonly overlay: MemoryOverlay
  readonly name: PeerName
  readonly address: string
  readonly port: number
}

/** A network of loopback addresses for one test, so that tests run side by side. */
export class TestMesh implements AsyncDisposable {
  readonly port = 20_000 + randomInt(20_000)
  readonly #network = `127.${1 + randomInt(60)}.${randomInt(256)}`
  readonly #routers: TestRouter[] = []

  /** The address of the router with this number, 1 to 254. */
  address(number: number): string {
    return `${this.#network}.${number}`
  }

  async start(
    number: number,
    change: Partial<MeshOptions> = {},
    parts: {
      readonly events?: RouterEvents
      readonly clock?: Clock
      readonly log?: Log
      readonly features?: ReadonlyMap<string, string>
    } = {},
  ): Promise<TestRouter> {
    const overlay = new MemoryOverlay(parts.features)
    const name = parsePeerName(`::${number.toString(16)}`)
    const router = new MeshRouter(
      {
        clock: parts.clock ?? systemClock,
        rng: systemRng,
        log: parts.log ?? silentLog,
        crypto: loadSodium(),
        overlay,
        ...(parts.events === undefined ? {} : { events: parts.events }),
      },
      {
        name,
        nickname: `peer${number}`,
        host: this.address(number),
        port: this.port,
        password: undefined,
        minVersion: 1,
        maxVersion: 2,
        connectionLimit: 100,
        discovery: true,
        trustedSubnets: [],
        ...change,
      },
    )
    await router.start()
    const started: TestRouter = {
      router,
      overlay,
      name,
      address: this.address(number),
      port: this.port,
      [Symbol.asyncDispose]: () => router.stop(),
    }
    this.#routers.push(started)
    return started
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#routers.map(({ router }) => router.stop()))
  }
}
