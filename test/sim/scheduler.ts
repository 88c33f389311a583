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

  /** When the next callback is due; Infinity for none. */
  get next(): number {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY
  }

  at(at: number, run: () => void): void {
    this.#push({ at: Math.max(at, this.#now), seq: this.#seq++, run })
  }

  after(delay: number, run: () => void): void {
    this.at(this.#now + delay, run)
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

  #push(item: Item): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(item)
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || !isBefore(item, parent)) break
      heap[at] = parent
      at = above
    }
    heap[at] = item
  }

  #pop(): void {
    const heap = this.#heap
    const item = heap.pop()
    if (item === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      const left = heap[2 * at + 1]
      const right = heap[2 * at + 2]
      if (left === undefined) break
      const isRight = right !== undefined && isBefore(right, left)
      const least = isRight ? right : left
      if (!isBefore(least, item)) break
      heap[at] = least
      at = 2 * at + (isRight ? 2 : 1)
    }
    heap[at] = item
  }
}

const isBefore = (a: Item, b: Item): boolean => a.at < b.at || (a.at === b.at && a.seq < b.seq)
