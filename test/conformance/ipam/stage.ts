import type { HttpAnswer } from './host.ts'

/** The hosts of the recorded scenarios. */
export const PEERS: Readonly<Record<string, { name: string; nickname: string; address: string }>> = {
  a: { name: 'aa:00:00:00:00:01', nickname: 'alpha', address: '10.99.0.1' },
  b: { name: 'ba:00:00:00:00:02', nickname: 'beta', address: '10.99.0.2' },
  c: { name: 'cc:00:00:00:00:03', nickname: 'gamma', address: '10.99.0.3' },
}

/** Where scenarios are played: in this process on a virtual clock, or on running daemons. Hosts by their key in `PEERS`. */
export interface Stage {
  /** Seconds since the start. */
  readonly now: number
  goTo(seconds: number): Promise<void>
  /** Resolves when nothing more comes of what has happened so far. */
  settle(): Promise<void>
  /** Starts a host's daemon, once more if it runs, with its disk as it is. `name`: another one than its own. */
  start(key: string, name: string | undefined, args: readonly string[]): Promise<void>
  stop(key: string, signal: string): Promise<undefined>
  /** It was started and not stopped. */
  isUp(key: string): boolean
  isAlive(key: string): Promise<boolean>
  hasIpam(key: string): boolean
  /** Resolves to undefined when `signal` gave the request up. */
  ask(
    key: string,
    method: string,
    path: string,
    form: string | undefined,
    signal: AbortSignal,
  ): Promise<HttpAnswer | undefined>
  docker(event: string, container: string): void
  /** Lines of its log. */
  said(key: string): readonly string[]
  /** Another network begins; `forget`: with empty disks. */
  clear(forget: boolean): Promise<void>
  dispose(): Promise<void>
}
