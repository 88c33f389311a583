interface Item {
  readonly at: number
  readonly seq: number
  readonly run: () => void
}

/** Runs callbacks in the order of virtual time; equal times in the order in which they were scheduled. */
export class Scheduler {
  readonly #heap: Item[] = []
  #now = 0
  #seq = 0

  /** Virtual ms since the beginning. */
  get now(): number {
    return this.#now
  }

  at(at: number, run: () => void): void {
    this.#push({ at: Math.max(at, this.#now), seq: this.#seq++, run })
  }

  /** Runs everything up to and including `until`. */
  runUntil(until: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= until; next = this.#heap[0]) {
      this.#pop()
      this.#now = next.at
      next.run()
    }
    this.#now = Math.max(this.#now, until)
  }

  #less(a: number, b: number): boolean {
    const left = this.#heap[a]
    const right = this.#heap[b]
    if (left === undefined || right === undefined) return false
    return left.at < right.at || (left.at === right.at && left.seq < right.seq)
  }

  #swap(a: number, b: number): void {
    const left = this.#heap[a]
    const right = this.#heap[b]
    if (left === undefined || right === undefined) return
    this.#heap[a] = right
    this.#heap[b] = left
  }

  #push(item: Item): void {
    this.#heap.push(item)
    for (let at = this.#heap.length - 1; at > 0; ) {
      const parent = (at - 1) >> 1
      if (!this.#less(at, parent)) return
      this.#swap(at, parent)
      at = parent
    }
  }

  #pop(): void {
    this.#swap(0, this.#heap.length - 1)
    this.#heap.pop()
    for (let at = 0; ; ) {
      let least = at
      for (const child of [2 * at + 1, 2 * at + 2]) if (this.#less(child, least)) least = child
      if (least === at) return
      this.#swap(at, least)
      at = least
    }
  }
}
