/**
 * Flags of Node.js for the daemon, which lives for months beside the workloads of its host: a small nursery, and a heap that
 * grows by a third between two collections. V8 would let three times as much garbage stand after a burst.
 */
export const DAEMON_FLAGS: readonly string[] = ['--max-semi-space-size=2', '--heap-growing-percent=30']
