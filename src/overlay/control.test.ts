import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { WireError } from '../lib/errors.ts'
import { decodeControl, encodeControl } from './control.ts'
import { negotiate } from './negotiation.ts'

const features = (overlays?: string): ReadonlyMap<string, string> =>
  new Map(overlays === undefined ? [] : [['Overlays', overlays]])
const framed = { compat: false, common: ['fastdp', 'sleeve'] } as const
const body = Uint8Array.of(0x05, 0x9e)

test('common overlays keep our own order, as old peers do with theirs', () => {
  assert.deepEqual(negotiate(['fastdp', 'sleeve'], features('sleeve fastdp')), framed)
  assert.deepEqual(negotiate(['fastdp', 'sleeve'], features('sleeve')), { compat: false, common: ['sleeve'] })
})

test('names that we do not know do not shift the indices', () => {
  assert.deepEqual(negotiate(['fastdp', 'sleeve'], features('fastdp sleeve quic')), framed)
})

test('a peer that names no overlays gets bare sleeve', () => {
  assert.deepEqual(negotiate(['fastdp', 'sleeve'], features()), { compat: true })
})

test('nothing in common is an error that the connection ends with', () => {
  assert.throws(
    () => negotiate(['sleeve'], features('awsvpc')),
    new WireError('no overlays in common with peer'),
  )
  assert.throws(() => negotiate(['fastdp'], features()), WireError)
})

test('control messages are framed as recorded: 07 01 03 05 9e for sleeve behind fastdp', () => {
  const message = encodeControl(framed, { index: 1, subtag: 3, body })
  assert.deepEqual(message, { tag: 7, payload: Uint8Array.of(1, 3, 0x05, 0x9e) })
  assert.deepEqual(decodeControl(framed, message), { index: 1, subtag: 3, body })
})

test('compat peers get the subtag as the tag', () => {
  const message = encodeControl({ compat: true }, { index: 0, subtag: 3, body })
  assert.deepEqual(message, { tag: 3, payload: body })
  assert.deepEqual(decodeControl({ compat: true }, message), { index: 0, subtag: 3, body })
})

test('what kills old peers is ignored: no index, an index out of range, the other kind of tag', () => {
  for (const [tag, payload] of [
    [7, []],
    [7, [0]],
    [7, [2, 1]],
    [1, [0, 1]],
  ] as const) {
    assert.equal(decodeControl(framed, { tag, payload: Uint8Array.from(payload) }), undefined)
  }
  assert.equal(decodeControl({ compat: true }, { tag: 7, payload: Uint8Array.of(0, 1) }), undefined)
})

test('any bytes decode to a valid index or to nothing', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 40 }), (tag, payload) => {
      const message = decodeControl(framed, { tag, payload })
      assert.ok(message === undefined || message.index < 2)
    }),
  )
})
