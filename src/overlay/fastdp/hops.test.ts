import assert from 'node:assert/strict'
import { test } from 'node:test'
import { closeHops } from './hops.ts'

class Kernel {
  readonly hops = new Map([
    [7, Uint8Array.of(10, 0, 0, 7)],
    [8, Uint8Array.of(192, 168, 0, 8)],
  ])
  readonly #sources = new Set(['10.0.0.7', '192.168.0.8', '192.168.0.9'])
  directHops = () => new Map(this.hops)
  setHop = (id: number) => void this.hops.delete(id)
  sources = () => [...this.#sources].map((text) => Uint8Array.from(text.split('.').map(Number)))
  removeSource = (address: Uint8Array) => void this.#sources.delete(address.join('.'))
  get admitted(): string[] {
    return [...this.#sources]
  }
}

test('with a password nothing of an earlier daemon goes on in clear, nor is it taken from anybody', () => {
  const kernel = new Kernel()
  assert.equal(
    closeHops(kernel, () => false),
    2,
  )
  assert.deepEqual([...kernel.hops.keys()], [])
  assert.deepEqual(kernel.admitted, [])
})

test('peers in trusted subnets go on', () => {
  const kernel = new Kernel()
  assert.equal(
    closeHops(kernel, (address) => address.startsWith('10.')),
    1,
  )
  assert.deepEqual([...kernel.hops.keys()], [7])
  assert.deepEqual(kernel.admitted, ['10.0.0.7'])
})

test('without a password all goes on as it was', () => {
  const kernel = new Kernel()
  assert.equal(
    closeHops(kernel, () => true),
    0,
  )
  assert.equal(kernel.hops.size, 2)
  assert.equal(kernel.admitted.length, 3)
})
