/** How one upstream server has been answering. Times in ms. */
interface Health {
  /** Smoothed time from query to answer; undefined before the first. */
  rtt: number | undefined
  failures: number
  suspectUntil: number
}

/** A server that has failed is asked after the others for so long, doubled with each failure in a row. */
const SUSPECT_FOR = 1000
const SUSPECT_AT_MOST = 60_000

/** How long to wait for a server before the next one is asked too. */
const PATIENCE = { unknown: 300, least: 50, most: 1000 } as const

/** The upstream servers in the order in which to ask them. */
export class Upstreams {
  #servers: readonly string[] = []
  readonly #health = new Map<string, Health>()

  /** As configured. */
  get servers(): readonly string[] {
    return this.#servers
  }

  set(servers: readonly string[]): void {
    this.#servers = servers
    for (const known of this.#health.keys()) if (!servers.includes(known)) this.#health.delete(known)
  }

  /** Order of the file, but those that failed lately come last. */
  inOrder(now: number): string[] {
    const suspect = (server: string): boolean => (this.#health.get(server)?.suspectUntil ?? 0) > now
    return [
      ...this.#servers.filter((server) => !suspect(server)),
      ...this.#servers.filter((server) => suspect(server)),
    ]
  }

  /** How long an answer of `server` may take before another server is asked as well. */
  patience(server: string): number {
    const rtt = this.#health.get(server)?.rtt
    if (rtt === undefined) return PATIENCE.unknown
    return Math.min(Math.max(3 * rtt, PATIENCE.least), PATIENCE.most)
  }

  answered(server: string, took: number): void {
    const health = this.#of(server)
    if (health === undefined) return
    health.rtt = health.rtt === undefined ? took : health.rtt + (took - health.rtt) / 8
    health.failures = 0
    health.suspectUntil = 0
  }

  failed(server: string, now: number): void {
    const health = this.#of(server)
    if (health === undefined) return
    health.suspectUntil = now + Math.min(SUSPECT_FOR * 2 ** health.failures, SUSPECT_AT_MOST)
    health.failures++
  }

  #of(server: string): Health | undefined {
    if (!this.#servers.includes(server)) return undefined
    const health = this.#health.get(server) ?? { rtt: undefined, failures: 0, suspectUntil: 0 }
    this.#health.set(server, health)
    return health
  }
}
