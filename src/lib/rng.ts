import { randomBytes, randomFillSync } from 'node:crypto'

/** A source of chance, handed to cores so that a simulation can replay a run exactly. */
export interface Rng {
  /** Uniform in [0, 1). */
  float(): number
  /** Uniform integer in [0, bound); `bound` is at most 2^32. */
  below(bound: number): number
  /** Uniform 64-bit unsigned integer. */
  u64(): bigint
  bytes(length: number): Uint8Array
}

/** Chance from the operating system. */
export const systemRng: Rng = fromSystem()

/** Numbers come from some bytes asked for ahead, since each question is a system call; what `bytes` gives does not. */
function fromSystem(): Rng {
  const ahead = Buffer.alloc(1024)
  let used = ahead.length

  const take = (length: number): number => {
    if (used + length > ahead.length) {
      randomFillSync(ahead)
      used = 0
    }
    used += length
    return used - length
  }
  const float = (): number => ahead.readUIntBE(take(6), 6) / 2 ** 48
  return {
    float,
    below: (bound) => Math.floor(float() * bound),
    u64: () => ahead.readBigUInt64BE(take(8)),
    bytes: (length) => new Uint8Array(randomBytes(length)),
  }
}

/** Repeatable chance (sfc32) for simulations and tests; never for keys. */
export function seededRng(seed: number): Rng {
  let a = 0x9e3779b9 | 0
  let b = 0x243f6a88 | 0
  let c = seed | 0
  let counter = Math.floor(seed / 2 ** 32) | 1

  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    return sum >>> 0
  }
  for (let i = 0; i < 16; i++) next()

  const float = (): number => next() / 2 ** 32
  return {
    float,
    below: (bound) => Math.floor(float() * bound),
    u64: () => (BigInt(next()) << 32n) | BigInt(next()),
    bytes: (length) => Uint8Array.from({ length }, () => next() & 0xff),
  }
}
