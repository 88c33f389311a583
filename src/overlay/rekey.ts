/** When a connection goes on to its next key. */
export interface RekeyLimits {
  readonly everyMs: number
  /** Bytes sent with one key. */
  readonly everyBytes: number
}

/** An hour or 64 GiB: far below what AES-GCM allows for one key (NIST SP 800-38D §8.3). */
export const REKEY_DEFAULTS: RekeyLimits = { everyMs: 3_600_000, everyBytes: 2 ** 36 }

/** How often the bytes are looked at. */
const LOOK_EVERY = 10_000

/** Decides when the key that we send with is old enough. The other side follows by itself. */
export class Rekey {
  readonly #limits: RekeyLimits
  #since: number
  #bytesBefore = 0
  #nextLook: number

  constructor(limits: RekeyLimits, now: number) {
    this.#limits = limits
    this.#since = now
    this.#nextLook = now + Math.min(LOOK_EVERY, limits.everyMs)
  }

  /** When the key that is in use came into use. */
  get since(): number {
    return this.#since
  }

  nextDeadline(): number {
    return this.#nextLook
  }

  /** True when the next key is due; `bytesSent` counts since the connection began. */
  advance(now: number, bytesSent: number): boolean {
    if (now < this.#nextLook) return false
    const bytes = bytesSent - this.#bytesBefore
    // A key that nothing was sent with stays: the other side sees keys change by datagrams only, and follows a few.
    const due = bytes > 0 && (now - this.#since >= this.#limits.everyMs || bytes >= this.#limits.everyBytes)
    if (due) {
      this.#since = now
      this.#bytesBefore = bytesSent
    }
    this.#nextLook = now + Math.min(LOOK_EVERY, this.#limits.everyMs)
    return due
  }
}
