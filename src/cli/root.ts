import { CommandFailure, ExitStatus } from './io.ts'

/** Commands that change this host need root (cli §0.3). */
export function requireRoot(): void {
  if (process.getuid?.() === 0) return
  throw new CommandFailure(ExitStatus.failure, "weave must be run as 'root' when run locally")
}
