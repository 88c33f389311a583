/** Between two hosts; addresses of 4 or 16 bytes. */
export interface EspPath {
  readonly local: Uint8Array
  readonly remote: Uint8Array
}

/** One connection that a path is sealed for: two of them may overlap while the newer one takes over. */
export type EspUser = object

/** What the kernel's IPsec does for us. Every call throws what the kernel says when it refuses. */
export interface EspKernel {
  /** What is marked and has no key does not leave, from now on; what an earlier daemon left is gone. */
  start(): void
  /**
   * From now on VXLAN in clear passes in neither direction, whatever happens to us, until the last user lets go of it
   * with `unguard`. Ours waits for `seal`.
   */
  guard(path: EspPath, user: EspUser): void
  /** Our VXLAN leaves by the state with this SPI, in place of the one before, without a packet in between. */
  seal(path: EspPath, user: EspUser, spi: number): void
  /** Idempotent. */
  unguard(path: EspPath, user: EspUser): void
  /** How packets with this SPI are opened (`in`) or sealed (`out`). `key`: 36 bytes. */
  addState(path: EspPath, direction: 'in' | 'out', spi: number, key: Uint8Array): void
  /** Idempotent. */
  dropState(path: EspPath, direction: 'in' | 'out', spi: number): void
  /** Bytes that the state with this SPI has opened; 0 when it is gone. */
  received(path: EspPath, spi: number): number
  /** Neighbours that a policy of ours seals, also one that an earlier daemon left. */
  guarded(): Uint8Array[]
  /** Takes away all states and policies of ours, whoever of us made them. */
  flush(): void
  close(): void
}
