import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type PeerName, peerName } from '../lib/peer-name.ts'
import { DeviceMtu } from './device-mtu.ts'

const [B, C] = [peerName(2), peerName(3)]
/** Looks every second from `from` until `until`; gives what was changed and when. */
function follow(
  device: DeviceMtu,
  paths: ReadonlyMap<PeerName, number>,
  from: number,
  until: number,
): [number, number][] {
  const changes: [number, number][] = []
  for (let now = from; now <= until; now += 1000) {
    const mtu = device.look(paths, now)
    if (mtu !== undefined) changes.push([now, mtu])
  }
  return changes
}

test('the narrowest path counts, after a minute when it is wider than what containers have', () => {
  const device = new DeviceMtu(1376)
  const paths = new Map([
    [B, 8950],
    [C, 1450],
  ])
  assert.deepEqual(follow(device, paths, 0, 59_000), [])
  assert.deepEqual(device.pending, { mtu: 1450, at: 60_000 })
  assert.deepEqual(follow(device, paths, 60_000, 300_000), [[60_000, 1450]])
  assert.deepEqual(device.narrowest, { peer: C, mtu: 1450 })
})

test('a narrower path is followed after five seconds, one that narrows for a moment not at all', () => {
  const device = new DeviceMtu(1450)
  const [wide, narrow] = [new Map([[B, 1450]]), new Map([[B, 1300]])]
  follow(device, narrow, 0, 4000)
  assert.deepEqual(follow(device, wide, 5000, 20_000), [])
  assert.deepEqual(follow(device, narrow, 21_000, 60_000), [[26_000, 1300]])
})

test('one narrow host that joins lowers the others, and its end raises them again', () => {
  const device = new DeviceMtu(8950)
  const both = new Map([
    [B, 8950],
    [C, 1376],
  ])
  assert.deepEqual(follow(device, both, 0, 10_000), [[5000, 1376]])
  assert.deepEqual(follow(device, new Map([[B, 8950]]), 11_000, 100_000), [[71_000, 8950]])
})

test('a raise that becomes a smaller one does not wait anew, one that becomes a larger one does', () => {
  const device = new DeviceMtu(1376)
  follow(device, new Map([[B, 8950]]), 0, 40_000)
  assert.deepEqual(follow(device, new Map([[B, 4000]]), 41_000, 60_000), [[60_000, 4000]])
  follow(device, new Map([[B, 5000]]), 61_000, 100_000)
  assert.deepEqual(follow(device, new Map([[B, 6000]]), 101_000, 170_000), [[161_000, 6000]])
})

test('without neighbours it stays', () => {
  const device = new DeviceMtu(8950)
  assert.deepEqual(follow(device, new Map(), 0, 200_000), [])
  assert.equal(device.narrowest, undefined)
})

test('it stays where IPv6 works, and within what switches carry', () => {
  const device = new DeviceMtu(1376)
  assert.deepEqual(follow(device, new Map([[B, 900]]), 0, 10_000), [[5000, 1280]])
  assert.deepEqual(follow(device, new Map([[B, 65_000]]), 11_000, 100_000), [[71_000, 9166]])
})
