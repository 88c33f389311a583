/** What one case of a vector file says should come out, and what came out of ours. Both are JSON values. */
export type Observation =
  | { readonly case: string; readonly expected: unknown; readonly actual: unknown }
  /** Needs something that is not here (hosts, a kernel feature): printed as not run, never as passed. */
  | { readonly case: string; readonly notRun: string }
  /** Advisory vectors: the verdict is reported, only a crash fails. */
  | { readonly case: string; readonly advisory: string }

/** Runs one vector file. `vector` is its parsed JSON; `path` its absolute path, for files with companions (pcap). */
export type Runner = (vector: never, path: string) => Iterable<Observation> | AsyncIterable<Observation>

/** Runners of one area by file name relative to the vectors' root, e.g. `mesh/routes.json`. */
export type Runners = Readonly<Record<string, Runner>>
