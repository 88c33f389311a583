import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  COUNTERS,
  decodeCounter,
  decodeDirectHops,
  decodeEvent,
  encodeHop,
  encodeTree,
  TREE_MAX,
} from './layout.ts'

/** The header lies in the sources, also when this test runs compiled. */
function header(): string {
  let directory = dirname(fileURLToPath(import.meta.url))
  for (;;) {
    try {
      return readFileSync(join(directory, 'bpf/switch.h'), 'utf8')
    } catch {
      assert.notEqual(directory, '/', 'bpf/switch.h is there')
      directory = dirname(directory)
    }
  }
}

test('the counters have the names and the order of the header', () => {
  const body = /enum counter \{([\s\S]*?)COUNTERS/.exec(header())?.[1] ?? ''
  const names = [...body.matchAll(/^\t([A-Z_0-9]+),/gm)].map((match) => match[1]?.toLowerCase())
  assert.deepEqual(names, [...COUNTERS])
})

test('the constants are those of the header', () => {
  assert.match(header(), new RegExp(`#define TREE_MAX ${TREE_MAX}\\b`))
})

test('an absent hop is all zero, an IPv6 hop is marked', () => {
  assert.deepEqual(encodeHop(undefined), new Uint8Array(20))
  const hop = encodeHop({ address: new Uint8Array(16).fill(1), sleeve: false, mtu: 1376 })
  assert.deepEqual([hop[16], hop[18], hop[19]], [5, 1376 & 255, 1376 >> 8])
})

test('only hops that are up and go by VXLAN are listed', () => {
  const entry = (id: number, hop: Parameters<typeof encodeHop>[0]): Uint8Array =>
    Uint8Array.of(id, 0, 0, 0, ...encodeHop(hop))
  const four = Uint8Array.of(10, 0, 0, 2)
  const sixteen = new Uint8Array(16).fill(0xfd)
  const entries = [
    entry(1, undefined),
    entry(2, { address: four, sleeve: false, mtu: 0 }),
    entry(3, { address: four, sleeve: true, mtu: 0 }),
    entry(4, { address: sixteen, sleeve: false, mtu: 0 }),
  ]
  assert.deepEqual(
    decodeDirectHops(Uint8Array.from(entries.flatMap((bytes) => [...bytes]))),
    new Map([
      [2, four],
      [4, sixteen],
    ]),
  )
})

test('a tree longer than the map takes is cut, not spilled', () => {
  assert.equal(encodeTree(Array.from({ length: 100 }, (_, i) => i)).length, 4 + 2 * TREE_MAX)
})

test('a counter is the sum over the CPUs', () => {
  assert.equal(decodeCounter(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0)), 259)
})

test('what a router complains of comes with the address and the size that it takes', () => {
  const record = new Uint8Array(96)
  record[0] = 2
  record.set([10, 99, 0, 2], 8)
  record[24] = 4
  record.set([0x14, 5], 28)
  assert.deepEqual(decodeEvent(record), {
    kind: 'too-big',
    answer: { address: Uint8Array.of(10, 99, 0, 2), mtu: 1300 },
  })
})

test('an event that is cut short or of another kind is ignored', () => {
  assert.equal(decodeEvent(new Uint8Array(95)), undefined)
  assert.equal(decodeEvent(new Uint8Array(96)), undefined)
})
