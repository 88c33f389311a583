import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Expiry } from './expiry.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Waits for the signal of an expiry that nothing else refers to. */
function aborted(ms: number, ...others: AbortSignal[]): Promise<unknown> {
  return once(new Expiry(ms, ...others).signal, 'abort')
}

test('the time runs out although garbage is collected meanwhile', async () => {
  const garbage = setInterval(collectGarbage, 5)
  const fired = aborted(50, new AbortController().signal)
  const watchdog = setTimeout(() => assert.fail('never fired'), 5000)
  await fired
  clearInterval(garbage)
  clearTimeout(watchdog)
})

test('another signal aborts it at once, and it has not expired', () => {
  const other = new AbortController()
  using expiry = new Expiry(60_000, other.signal)
  other.abort(new Error('gone'))
  assert.equal(expiry.signal.aborted, true)
  assert.match(String(expiry.signal.reason), /gone/)
  assert.equal(expiry.expired, false)
})

test('disposed of, it never fires', async () => {
  const expiry = new Expiry(1)
  expiry[Symbol.dispose]()
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.equal(expiry.signal.aborted, false)
})
