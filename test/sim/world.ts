import type { PeerName } from '../../src/lib/peer-name.ts'
import { type Rng, seededRng } from '../../src/lib/rng.ts'
import { History } from './history.ts'
import { Network } from './network.ts'
import type { SimPart } from './part.ts'
import { Scheduler } from './scheduler.ts'
import { PORT, SimHost, type SimHostOptions } from './sim-host.ts'

/** Hosts, their network and their time, all from one seed. */
export class World {
  readonly scheduler = new Scheduler()
  readonly network: Network
  readonly history: History
  readonly parts: readonly SimPart[]
  readonly hosts: SimHost[] = []
  readonly rng: Rng
  readonly #byAddress = new Map<string, SimHost>()
  #port = 32768

  constructor(seed: number, parts: readonly SimPart[] = [], history = new History()) {
    this.rng = seededRng(seed)
    this.network = new Network(seededRng(seed + 0x5eed))
    this.history = history
    this.parts = parts
  }

  /** Adds the next host, not yet started. */
  add(options: Partial<SimHostOptions> = {}): SimHost {
    const number = this.hosts.length + 1
    const host = new SimHost(
      this,
      {
        // Names in an order unlike that of addresses, as with real hosts.
        name: (0x020000000000 + ((number * 0x9e3779b1) % 2 ** 32)) as PeerName,
        nickname: `h${number}`,
        address: `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`,
        oldMode: false,
        clockRate: 1,
        connectionLimit: 0,
        discovery: true,
        restartSec: 0,
        shortId: undefined,
        ...options,
      },
      this.rng,
    )
    this.hosts.push(host)
    this.#byAddress.set(host.address, host)
    return host
  }

  get running(): SimHost[] {
    return this.hosts.filter(({ running }) => running)
  }

  /** Lets virtual time pass, in ms. */
  run(ms: number): void {
    this.scheduler.runUntil(this.scheduler.now + ms)
  }

  hostAt(address: string): SimHost | undefined {
    return this.#byAddress.get(address)
  }

  /** What a host name stands for: nicknames are names. */
  addressOf(name: string): string | undefined {
    return this.hosts.find(({ options }) => options.nickname === name)?.address
  }

  /** Whether packets pass between two addresses now. */
  passes(a: string, b: string): boolean {
    const { cut } = this.network.path(a, b)
    return !cut
  }

  ephemeralPort(): number {
    this.#port = this.#port >= 60999 ? 32768 : this.#port + 1
    return this.#port === PORT ? ++this.#port : this.#port
  }
}
