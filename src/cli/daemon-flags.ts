/**
 * Flags of Node.js for the daemon, which lives for months beside the workloads of its host: a small nursery, and a heap that
 * grows by half between two collections: V8 alone lets up to three times as much garbage stand after a burst, and with a third
 * a hundred peers take half as much processor time again.
 */
export const DAEMON_FLAGS: readonly string[] = ['--max-semi-space-size=4', '--heap-growing-percent=50']
