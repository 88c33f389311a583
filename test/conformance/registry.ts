import type { Runners } from './case.ts'

/** Every vector file that we know how to run; a file without a runner counts as not run. */
export const runners: Runners = {}
