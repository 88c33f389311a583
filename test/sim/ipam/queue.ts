interface Item {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

/** What is to happen when, on a virtual clock; things of one instant happen in the order they were planned. */
export class EventQueue {
  readonly #heap: Item[] = []
  #order = 0
  now = 0

  /** When the next thing is due; Infinity for none. */
  get next(): number {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY
  }

  after(delay: number, run: () => void): void {
    this.#push({ at: this.now + delay, order: this.#order++, run })
  }

  /** Runs everything that is due up to `until`. */
  runUntil(until: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= until; next = this.#heap[0]) {
      this.#pop()
      this.now = next.at
      next.run()
    }
    this.now = until
  }

  #push(item: Item): void {
    const heap = this.#heap
    let at = heap.push(item) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      const above = heap[parent]
      if (above === undefined || isBefore(above, item)) break
      heap[at] = above
      at = parent
    }
    heap[at] = item
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      const right = heap[child + 1]
      let smaller = heap[child]
      if (smaller === undefined) break
      if (right !== undefined && isBefore(right, smaller)) {
        child++
        smaller = right
      }
      if (isBefore(last, smaller)) break
      heap[at] = smaller
      at = child
    }
    heap[at] = last
  }
}

const isBefore = (a: Item, b: Item): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)
