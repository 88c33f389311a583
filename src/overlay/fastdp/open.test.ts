import assert from 'node:assert/strict'
import { test } from 'node:test'
import { closeClearHops } from './open.ts'

class Kernel {
  readonly hops = new Map([
    [7, Uint8Array.of(10, 0, 0, 7)],
    [8, Uint8Array.of(192, 168, 0, 8)],
  ])
  sources: readonly string[] | undefined
  directHops = () => new Map(this.hops)
  setHop = (id: number) => void this.hops.delete(id)
  retainSources = (addresses: Iterable<Uint8Array>) => {
    this.sources = [...addresses].map((address) => address.join('.'))
  }
}

test('with a password nothing of an earlier daemon goes on in clear', () => {
  const kernel = new Kernel()
  assert.equal(
    closeClearHops(kernel, () => false),
    2,
  )
  assert.deepEqual([...kernel.hops.keys()], [])
  assert.deepEqual(kernel.sources, [])
})

test('peers in trusted subnets go on', () => {
  const kernel = new Kernel()
  assert.equal(
    closeClearHops(kernel, (address) => address.startsWith('10.')),
    1,
  )
  assert.deepEqual([...kernel.hops.keys()], [7])
  assert.deepEqual(kernel.sources, ['10.0.0.7'])
})

test('without a password all goes on as it was', () => {
  const kernel = new Kernel()
  assert.equal(
    closeClearHops(kernel, () => true),
    0,
  )
  assert.equal(kernel.hops.size, 2)
  assert.equal(kernel.sources, undefined)
})
