/** What the bench tells a process of its. */
export type Order =
  | {
      readonly kind: 'start'
      readonly run: number
      readonly port: number
      readonly password: string | undefined
      /** Index of its first router, and of the one behind its last. */
      readonly first: number
      readonly last: number
    }
  | { readonly kind: 'connect'; readonly run: number; readonly first: number; readonly peers: number }
  | { readonly kind: 'stop' }

/** What a process answers. */
export type Answer = { readonly kind: 'started' } | { readonly kind: 'converged'; readonly usage: Usage }

/** What its routers used since they began; what the process needed to load is included. */
export interface Usage {
  /** Sent over TCP: handshakes, heartbeats, gossip. */
  readonly bytes: number
  /** Gossip messages sent. */
  readonly messages: number
  readonly dials: number
  readonly cpuSeconds: number
  readonly rss: number
  /** When its routers had converged, ms since 1970. */
  readonly at: number
}

/** Each router has a loopback address of its own, each run a network of its own, so that runs may overlap. */
export function addressOf(run: number, index: number): string {
  return `127.${64 + (run % 64)}.${index >> 8}.${index & 0xff}`
}
