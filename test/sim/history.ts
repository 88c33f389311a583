interface Entry {
  readonly at: number
  readonly where: string
  readonly text: string
}

/** What happened in a run, for reading when a property broke. Keeps the last lines only. */
export class History {
  readonly #entries: Entry[] = []
  readonly #keep: number

  constructor(keep = 20_000) {
    this.#keep = keep
  }

  note(at: number, where: string, text: string): void {
    this.#entries.push({ at, where, text })
    if (this.#entries.length > 2 * this.#keep) this.#entries.splice(0, this.#keep)
  }

  toString(): string {
    return this.#entries
      .slice(-this.#keep)
      .map(({ at, where, text }) => `${(at / 1000).toFixed(3).padStart(10)}  ${where.padEnd(5)} ${text}`)
      .join('\n')
  }
}
