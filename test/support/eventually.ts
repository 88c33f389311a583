import assert from 'node:assert/strict'

/** Waits until `check` returns something other than undefined and false; fails with `what` when it never does. */
export async function eventually<T>(
  what: string,
  check: () => T | undefined | false | Promise<T | undefined | false>,
  timeout = 30_000,
): Promise<T> {
  const deadline = performance.now() + timeout
  for (;;) {
    const value = await check()
    if (value !== undefined && value !== false) return value
    if (performance.now() > deadline) assert.fail(`not within ${timeout} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
