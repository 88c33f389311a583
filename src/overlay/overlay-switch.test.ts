import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OverlaySwitch } from './overlay-switch.ts'

const make = (...names: readonly string[]): OverlaySwitch => new OverlaySwitch(names, '02:00:00:00:00:0b(b)')
const using = (name: string) => ({ kind: 'using', name }) as const

test('before anything is established the first overlay is used', () => {
  assert.deepEqual(make('fastdp', 'sleeve').start(), [using('fastdp')])
})

test('the first overlay to be established takes over and makes the connection established, once', () => {
  const choice = make('fastdp', 'sleeve')
  choice.start()
  assert.deepEqual(choice.established(1), [{ kind: 'established' }, using('sleeve')])
  assert.deepEqual(choice.established(0), [using('fastdp')])
  assert.deepEqual(choice.established(0), [])
})

test('an overlay on hold is left and returned to', () => {
  const choice = make('fastdp', 'sleeve')
  choice.start()
  choice.established(0)
  choice.established(1)
  assert.deepEqual(choice.hold(0, 'no heartbeat for 60 s'), [using('sleeve')])
  assert.deepEqual([...choice.reasons()], [['fastdp', 'no heartbeat for 60 s']])
  assert.deepEqual(choice.release(0), [using('fastdp')])
  assert.equal(choice.reasons().size, 0)
})

test('a dead overlay stays dead', () => {
  const choice = make('fastdp', 'sleeve')
  choice.start()
  choice.established(0)
  assert.deepEqual(choice.failed(0, 'gone'), [using('sleeve')])
  assert.deepEqual(choice.release(0), [])
  assert.deepEqual(choice.failed(0, 'gone again'), [])
})

test('with no overlay left the connection fails, once', () => {
  const choice = make('fastdp', 'sleeve')
  choice.start()
  choice.failed(0, 'x')
  assert.deepEqual(choice.failed(1, 'y'), [
    { kind: 'failed', reason: 'no working forwarders to 02:00:00:00:00:0b(b)' },
  ])
  assert.deepEqual(choice.hold(1, 'z'), [])
  assert.equal(choice.best, undefined)
})
