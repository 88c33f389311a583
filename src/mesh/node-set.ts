/** Some of the nodes 0 … n - 1 of a graph: a bitmap, or a list of numbers where that is smaller. Immutable. */
export class NodeSet {
  readonly #bits: Uint32Array | undefined
  /** A plain array: for the few neighbours that most peers have, a typed one is four times as large. */
  readonly #list: readonly number[]
  readonly size: number

  private constructor(bits: Uint32Array | undefined, list: readonly number[], size: number) {
    this.#bits = bits
    this.#list = list
    this.size = size
  }

  /** `nodes` ascend. */
  static of(nodes: readonly number[], n: number): NodeSet {
    if (isSmallerAsList(nodes.length, n)) return new NodeSet(undefined, nodes.slice(), nodes.length)
    const bits = new Uint32Array(words(n))
    for (const node of nodes) setBit(bits, node)
    return new NodeSet(bits, NOTHING, nodes.length)
  }

  /** A bitmap of `size` nodes; it is kept. */
  static ofBits(bits: Uint32Array, size: number): NodeSet {
    return new NodeSet(bits, NOTHING, size)
  }

  has(node: number): boolean {
    if (this.#bits !== undefined) return hasBit(this.#bits, node)
    let low = 0
    let high = this.#list.length - 1
    while (low <= high) {
      const middle = (low + high) >>> 1
      const found = this.#list[middle] ?? 0
      if (found === node) return true
      if (found < node) low = middle + 1
      else high = middle - 1
    }
    return false
  }

  addTo(bits: Uint32Array): void {
    if (this.#bits === undefined) {
      for (const node of this.#list) setBit(bits, node)
      return
    }
    const mine = this.#bits
    for (let i = 0; i < mine.length; i++) bits[i] = (bits[i] ?? 0) | (mine[i] ?? 0)
  }

  /** Those that are not in `bits`, ascending. */
  without(bits: Uint32Array): number[] {
    if (this.#bits === undefined) return this.#list.filter((node) => !hasBit(bits, node))
    const mine = this.#bits
    const members: number[] = []
    for (let i = 0; i < mine.length; i++) pushBits(members, i, (mine[i] ?? 0) & ~(bits[i] ?? 0))
    return members
  }

  /** Whether all of it is in `bits` or is `except`. */
  isWithin(bits: Uint32Array, except: number): boolean {
    if (this.#bits === undefined) {
      for (const node of this.#list) if (node !== except && !hasBit(bits, node)) return false
      return true
    }
    const mine = this.#bits
    for (let i = 0; i < mine.length; i++) {
      let left = (mine[i] ?? 0) & ~(bits[i] ?? 0)
      if (left !== 0 && i === except >>> 5) left &= ~(1 << (except & 31))
      if (left !== 0) return false
    }
    return true
  }

  /** Ascending; not to be changed. */
  toArray(): readonly number[] {
    return this.#bits === undefined ? this.#list : membersOf(this.#bits)
  }
}

const NOTHING: readonly number[] = []

/** Whether so many of `n` nodes take less memory as a list. */
export const isSmallerAsList = (size: number, n: number): boolean => size * 2 < words(n) * 4

/** 32-bit words of a bitmap of `n` nodes. */
export const words = (n: number): number => (n + 31) >>> 5

export const hasBit = (bits: Uint32Array, node: number): boolean =>
  ((bits[node >>> 5] ?? 0) & (1 << (node & 31))) !== 0

export function setBit(bits: Uint32Array, node: number): void {
  bits[node >>> 5] = (bits[node >>> 5] ?? 0) | (1 << (node & 31))
}

/** The nodes of a bitmap, ascending. */
export function membersOf(bits: Uint32Array): number[] {
  const members: number[] = []
  for (let i = 0; i < bits.length; i++) pushBits(members, i, bits[i] ?? 0)
  return members
}

function pushBits(members: number[], word: number, bits: number): void {
  for (let left = bits; left !== 0; left &= left - 1) members.push(word * 32 + 31 - Math.clz32(left & -left))
}
