/** Where `now` comes from. Cores never call it: they are handed `now`. */
export interface Clock {
  /** Milliseconds on a monotonic scale with an arbitrary origin. For deadlines. */
  now(): number
  /** Milliseconds since 1970 UTC. For what is shown or sent. */
  wall(): number
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
}
