import { messageOf } from '../lib/errors.ts'
import { formatIp4, type Ip4 } from '../lib/ip4.ts'
import type { Log } from '../lib/log.ts'

/** How often the address is read, in ms. At boot dockerd may need a minute more than we do. */
const EVERY = 2000

/** Follows the address of Docker's bridge, which dockerd may make after us, or give another address. */
export class DockerBridge {
  readonly #log: Log
  readonly #read: () => Promise<Ip4 | undefined>
  readonly #onAddress: (address: Ip4) => Promise<void>
  #address: Ip4 | undefined
  #timer: NodeJS.Timeout | undefined
  #complaint: string | undefined
  #checking: Promise<void> = Promise.resolve()

  /** `onAddress` is called for every new address, again and again until it succeeds. */
  constructor(log: Log, read: () => Promise<Ip4 | undefined>, onAddress: (address: Ip4) => Promise<void>) {
    this.#log = log
    this.#read = read
    this.#onAddress = onAddress
  }

  /** The address that was last seen; undefined before there was one. */
  get address(): Ip4 | undefined {
    return this.#address
  }

  /** Reads the address that all others are compared with; nobody is called for it. */
  async look(): Promise<void> {
    this.#address = await this.#read()
  }

  start(): void {
    this.#timer ??= setInterval(() => {
      this.#checking = this.check()
    }, EVERY).unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#checking
  }

  async check(): Promise<void> {
    try {
      const address = await this.#read()
      if (address === undefined || address === this.#address) return
      await this.#onAddress(address)
      this.#address = address
      this.#complaint = undefined
      this.#log.info("following Docker's bridge", { address: formatIp4(address) })
    } catch (thrown) {
      const complaint = messageOf(thrown)
      if (complaint !== this.#complaint)
        this.#log.warn("cannot follow Docker's bridge yet", { reason: complaint })
      this.#complaint = complaint
    }
  }
}
