import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RangeSet } from './range-set.ts'

const SIZE = 48
/** Up to 255.255.255.255: where 32 bits wrap. */
const ORIGIN = 2 ** 32 - SIZE

const range = fc
  .tuple(fc.integer({ min: 0, max: SIZE }), fc.integer({ min: 0, max: SIZE }))
  .map(([a, b]) => ({ start: ORIGIN + Math.min(a, b), end: ORIGIN + Math.max(a, b) }))
const change = fc.record({ add: fc.boolean(), range })

const addresses = ({ start, end }: { start: number; end: number }): number[] =>
  Array.from({ length: end - start }, (_, i) => start + i)

test('a range set is the set of its addresses, also at the end of IPv4', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), range, (changes, asked) => {
      const set = new RangeSet()
      const naive = new Set<number>()
      for (const { add, range } of changes) {
        if (add) set.add(range)
        else set.remove(range)
        for (const addr of addresses(range)) {
          if (add) naive.add(addr)
          else naive.delete(addr)
        }
      }
      const sorted = [...naive].sort((a, b) => a - b)
      const within = addresses(asked).filter((addr) => naive.has(addr))
      assert.deepEqual(set.ranges().flatMap(addresses), sorted)
      assert.equal(set.size, naive.size)
      assert.deepEqual([...set.within(asked)].flatMap(addresses), within)
      assert.equal(set.countWithin(asked), within.length)
      assert.equal(set.lowestWithin(asked), within[0])
      assert.equal(set.hasAll(asked), within.length === asked.end - asked.start)
      // Coalesced: no two ranges touch.
      const ranges = set.ranges()
      assert.ok(ranges.every(({ start }, i) => i === 0 || start > (ranges[i - 1]?.end ?? 0)))
    }),
  )
})
