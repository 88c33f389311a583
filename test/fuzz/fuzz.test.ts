import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WireError } from '../../src/lib/errors.ts'
import { decoders } from './decoders.ts'
import { fuzz, fuzzAll } from './fuzz.ts'
import { nodes } from './node.ts'
import { sessions } from './sessions.ts'

/** In all; `npm run fuzz` takes more. */
const INPUTS = 50_000
/** What the process may have grown by after that, in bytes: the heap is collected when it likes. */
const GROWTH = 200 * 2 ** 20

test('no mutated message gets more than a WireError out of a decoder, a session or a node', (context) => {
  const before = process.memoryUsage().rss
  for (const result of fuzzAll([...decoders, ...sessions, ...nodes], INPUTS, 7)) {
    assert.deepEqual(result.failures, [], result.name)
    context.diagnostic(`${result.name}: ${result.inputs} inputs, ${result.refused} refused`)
  }
  assert.ok(process.memoryUsage().rss - before < GROWTH)
})

test('the fuzzer notices a decoder that throws something else', () => {
  const corpus = [Uint8Array.of(1, 2, 3)]
  const broken = fuzz({ name: 'broken', corpus, run: (input) => assert.ok(input.length > 2) }, 1000, 1)
  assert.ok(broken.failures.length > 0)
  const strict = fuzz({ name: 'strict', corpus, run: refuse }, 1000, 1)
  assert.deepEqual([strict.failures.length, strict.refused], [0, 1000])
})

function refuse(): void {
  throw new WireError('never')
}
