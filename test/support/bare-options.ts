/** A neighbour of a bare engine; both sides must give the same `uid` and `key`. */
export interface BareNeighbour {
  readonly name: number
  readonly address: string
  /** This side made the (imaginary) TCP connection. Exactly one side did. */
  readonly outbound: boolean
  readonly uid: number
  /** 32 bytes in hex: sealed datagrams. */
  readonly key?: string
}

/** What `bare-engine.ts` is started with. */
export interface BareOptions {
  readonly self: number
  readonly tap: string
  readonly bridge: string
  readonly port: number
  readonly mtu: number
  readonly localMtu?: number
  /** What to offer; default: nothing, as old peers do. */
  readonly ciphers?: readonly ('aes-256-gcm' | 'chacha20-poly1305')[]
  /** Milliseconds that a key is sent with. */
  readonly rekeyEvery?: number
  readonly neighbours: readonly BareNeighbour[]
  /** Destination and next hop; default: the neighbours themselves. */
  readonly routes?: readonly (readonly [number, number])[]
  /** Source and the neighbours that get copies of what it floods; default: our own frames to all neighbours. */
  readonly trees?: readonly (readonly [number, readonly number[]])[]
}
