import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { projectRoot } from '../support/project.ts'
import type { Observation } from './case.ts'

/** A case where ours is meant to differ from the original. */
interface Difference {
  readonly file: string
  readonly case: string
  readonly reason: string
  /** Section of the specification that calls the original's behaviour a fault. */
  readonly spec: string
  /** What ours must give instead. */
  readonly result: unknown
}

export type Verdict =
  | { readonly kind: 'passed' }
  | { readonly kind: 'not run'; readonly why: string }
  | { readonly kind: 'failed'; readonly why: string }

/** The list of meant differences; knows at the end which entries no case used. */
export class Differences {
  readonly #open: Map<string, Difference>

  constructor(differences: readonly Difference[]) {
    this.#open = new Map(
      differences.map((difference) => [`${difference.file}\n${difference.case}`, difference]),
    )
  }

  static load(): Differences {
    const path = join(projectRoot, 'test/vectors/differences.json')
    return new Differences(JSON.parse(readFileSync(path, 'utf8')) as Difference[])
  }

  judge(file: string, observed: Observation): Verdict {
    if ('notRun' in observed) return { kind: 'not run', why: observed.notRun }
    if ('advisory' in observed) return { kind: 'passed' }
    const key = `${file}\n${observed.case}`
    const listed = this.#open.get(key)
    this.#open.delete(key)
    const asOriginal = isDeepStrictEqual(observed.actual, observed.expected)
    if (listed === undefined) {
      return asOriginal
        ? { kind: 'passed' }
        : { kind: 'failed', why: explain(observed.expected, observed.actual) }
    }
    if (asOriginal)
      return { kind: 'failed', why: `listed as a difference, but no longer differs: ${listed.reason}` }
    if (isDeepStrictEqual(observed.actual, listed.result)) return { kind: 'passed' }
    return {
      kind: 'failed',
      why: `differs otherwise than listed: ${explain(listed.result, observed.actual)}`,
    }
  }

  /** What `judge` would make of it, leaving the list as it is. */
  isRight(file: string, observed: Observation): boolean {
    if ('notRun' in observed || 'advisory' in observed) return true
    const listed = this.#open.get(`${file}\n${observed.case}`)
    return isDeepStrictEqual(observed.actual, listed === undefined ? observed.expected : listed.result)
  }

  /** Listed cases of `file` that never came up: the list has gone stale. */
  unused(file: string): string[] {
    return [...this.#open.values()].filter((entry) => entry.file === file).map((entry) => entry.case)
  }
}

/** Where two values part, and what is there; the first few places. */
function explain(expected: unknown, actual: unknown): string {
  const places = [...parting(expected, actual, '')].slice(0, 5)
  return places
    .map(
      ({ path, wanted, got }) =>
        `${path === '' ? '' : `${path}: `}expected ${short(wanted)}, got ${short(got)}`,
    )
    .join('; ')
}

interface Parting {
  readonly path: string
  readonly wanted: unknown
  readonly got: unknown
}

function* parting(wanted: unknown, got: unknown, path: string): Generator<Parting> {
  if (isDeepStrictEqual(wanted, got)) return
  if (!isTree(wanted) || !isTree(got) || Array.isArray(wanted) !== Array.isArray(got)) {
    yield { path, wanted, got }
    return
  }
  for (const key of new Set([...Object.keys(wanted), ...Object.keys(got)])) {
    yield* parting(wanted[key], got[key], `${path}.${key}`)
  }
}

const isTree = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

function short(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined'
  return text.length > 600 ? `${text.slice(0, 600)}…` : text
}
