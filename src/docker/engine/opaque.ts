import { inspect } from 'node:util'

/**
 * The same object, which no longer shows its inner parts. Dockerode describes all options of each request for its debug
 * log, whether anybody reads that or not: with the sockets of an agent and the listeners of a signal in full, that kept
 * the daemon from everything else for half a second.
 */
export function opaque<T extends object>(value: T): T {
  Object.defineProperty(value, inspect.custom, { value: () => `[${value.constructor.name}]` })
  return value
}
