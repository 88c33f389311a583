import { WireError } from '../../src/lib/errors.ts'
import { seededRng } from '../../src/lib/rng.ts'
import { mutate } from './mutate.ts'

/** Something that takes remote bytes. */
export interface FuzzTarget {
  readonly name: string
  /** Valid inputs to start from. */
  readonly corpus: readonly Uint8Array[]
  /** Share of the inputs, 1 unless given: targets that agree on keys or carry whole conversations get less. */
  readonly weight?: number
  /** May throw nothing but `WireError`. */
  run(input: Uint8Array): void
}

export interface FuzzResult {
  readonly name: string
  readonly inputs: number
  /** Inputs that were refused with a `WireError`. */
  readonly refused: number
  readonly milliseconds: number
  readonly failures: readonly FuzzFailure[]
}

export interface FuzzFailure {
  readonly input: string
  readonly error: string
}

/** One input must not keep the process busy for longer, in ms. */
const SLOW = 1000
/** After so many there is enough to look at. */
const MAX_FAILURES = 5

/** Runs valid inputs first, then mutated ones. The same seed gives the same inputs. */
export function fuzz(target: FuzzTarget, inputs: number, seed: number): FuzzResult {
  const rng = seededRng(seed)
  const failures: FuzzFailure[] = []
  const began = performance.now()
  let refused = 0
  for (let i = 0; i < inputs && failures.length < MAX_FAILURES; i++) {
    const valid =
      target.corpus[i < target.corpus.length ? i : rng.below(target.corpus.length)] ?? new Uint8Array(0)
    const input = i < target.corpus.length ? valid : mutate(rng, valid, target.corpus)
    const outcome = runOne(target, input)
    if (outcome === 'refused') refused++
    else if (outcome !== 'taken') failures.push({ input: Buffer.from(input).toString('hex'), error: outcome })
  }
  return { name: target.name, inputs, refused, milliseconds: performance.now() - began, failures }
}

function runOne(target: FuzzTarget, input: Uint8Array): string {
  const first = timed(target, input)
  if (first.milliseconds <= SLOW) return first.outcome
  // A busy machine makes anything slow once; an input that is slow itself is slow again.
  const second = timed(target, input)
  return second.milliseconds > SLOW ? `took ${Math.round(second.milliseconds)} ms` : second.outcome
}

function timed(target: FuzzTarget, input: Uint8Array): { outcome: string; milliseconds: number } {
  const began = performance.now()
  let outcome = 'taken'
  try {
    target.run(input)
  } catch (thrown) {
    outcome = thrown instanceof WireError ? 'refused' : explain(thrown)
  }
  return { outcome, milliseconds: performance.now() - began }
}

const explain = (thrown: unknown): string =>
  thrown instanceof Error ? (thrown.stack ?? String(thrown)) : String(thrown)

/** Spreads `inputs` over the targets by weight; yields as each is done. */
export function* fuzzAll(
  targets: readonly FuzzTarget[],
  inputs: number,
  seed: number,
): Generator<FuzzResult> {
  const weights = targets.reduce((sum, target) => sum + (target.weight ?? 1), 0)
  for (const target of targets) yield fuzz(target, Math.ceil((inputs * (target.weight ?? 1)) / weights), seed)
}
