import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BridgeState } from './bridge-state.ts'
import type { Link } from './netlink/link.ts'

const link = (index: number, name: string, more: Partial<Link> = {}): Link => ({
  index,
  name,
  up: true,
  mtu: 1376,
  ethernet: true,
  mac: undefined,
  kind: 'veth',
  master: 0,
  peer: undefined,
  peerNetnsId: undefined,
  hairpin: false,
  forwarding: true,
  ...more,
})
const bridge = link(5, 'weave', { kind: 'bridge' })
const port = link(7, 'vethwepl1', { master: 5 })

test('ports are told when they come and go, once each', () => {
  const state = new BridgeState('weave', 'vethwe-bridge')
  assert.deepEqual(state.look([bridge, port, link(1, 'lo')]), [
    { kind: 'port-added', port: 'vethwepl1', ifindex: 7 },
  ])
  assert.deepEqual(state.handle({ kind: 'changed', link: port }), [])
  assert.deepEqual(state.handle({ kind: 'removed', link: port }), [
    { kind: 'port-removed', port: 'vethwepl1', ifindex: 7 },
  ])
  assert.deepEqual(state.handle({ kind: 'removed', link: port }), [])
})

test('a port that leaves the bridge without going away is told as well', () => {
  const state = new BridgeState('weave', 'vethwe-bridge')
  state.look([bridge, port])
  assert.deepEqual(state.handle({ kind: 'changed', link: { ...port, master: 0 } }), [
    { kind: 'port-removed', port: 'vethwepl1', ifindex: 7 },
  ])
})

test('the bridge going down, up and away is told; a namesake of another index is not it', () => {
  const state = new BridgeState('weave', 'vethwe-bridge')
  assert.deepEqual(state.look([bridge]), [])
  assert.deepEqual(state.handle({ kind: 'changed', link: { ...bridge, up: false } }), [
    { kind: 'bridge-down' },
  ])
  assert.deepEqual(state.handle({ kind: 'changed', link: bridge }), [{ kind: 'bridge-up' }])
  assert.deepEqual(state.handle({ kind: 'removed', link: { ...bridge, index: 9 } }), [])
  assert.deepEqual(state.handle({ kind: 'removed', link: bridge }), [{ kind: 'restore-bridge' }])
})

test('what was missed while events were lost is found by looking', () => {
  const state = new BridgeState('weave', 'vethwe-bridge')
  state.look([bridge, port])
  assert.deepEqual(state.handle({ kind: 'lost' }), [{ kind: 'look-again' }])
  assert.deepEqual(state.look([]), [
    { kind: 'port-removed', port: 'vethwepl1', ifindex: 7 },
    { kind: 'restore-bridge' },
  ])
})

test('hairpin mode on the port of the datapath is told each time it is turned on', () => {
  const state = new BridgeState('weave', 'vethwe-bridge')
  const quiet = link(8, 'vethwe-bridge', { master: 5 })
  state.look([bridge, quiet])
  const on = { kind: 'changed', link: { ...quiet, hairpin: true } } as const
  assert.deepEqual(state.handle(on), [{ kind: 'hairpin', port: 'vethwe-bridge' }])
  assert.deepEqual(state.handle(on), [])
  state.handle({ kind: 'changed', link: quiet })
  assert.deepEqual(state.handle(on), [{ kind: 'hairpin', port: 'vethwe-bridge' }])
})
