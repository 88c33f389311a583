import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Mac } from '../../lib/mac.ts'
import type { Link } from '../netlink/link.ts'
import { ContainerPorts } from './container-ports.ts'

const BRIDGE = 3
const link = (index: number, change: Partial<Link> = {}): Link => ({
  index,
  name: `vethwl${index}`,
  up: true,
  mtu: 1376,
  ethernet: true,
  mac: 0x02_00_00_00_00_01 as Mac,
  kind: 'veth',
  master: BRIDGE,
  peer: 100 + index,
  peerNetnsId: 0,
  hairpin: false,
  forwarding: true,
  ...change,
})
const INSIDE = 0x02_00_00_00_00_aa as Mac
const inside = (mac: Mac = INSIDE) => new ContainerPorts((port) => link(port.peer ?? 0, { mac, master: 0 }))
const PORT = { port: 'vethwl7', ifindex: 7, mac: INSIDE }

test('a veth on the bridge whose other end is in another namespace is a container’s, with the MAC from there', () => {
  assert.deepEqual(inside().look([link(7)], BRIDGE), [{ kind: 'container-port-added', port: PORT }])
})

test('a pair of which both ends are here is not, until one end moves', () => {
  const ports = inside()
  assert.deepEqual(ports.look([link(7, { peerNetnsId: undefined })], BRIDGE), [])
  assert.deepEqual(ports.handle({ kind: 'changed', link: link(7) }, BRIDGE), [
    { kind: 'container-port-added', port: PORT },
  ])
})

test('other devices, other bridges and a host without a bridge have none', () => {
  for (const other of [{ kind: 'tun' }, { master: 4 }]) {
    assert.deepEqual(inside().look([link(7, other)], BRIDGE), [])
  }
  assert.deepEqual(inside().look([link(7)], undefined), [])
})

test('a port is told of once, and again when the container’s MAC changes', () => {
  let mac = INSIDE
  const ports = new ContainerPorts((port) => link(port.peer ?? 0, { mac }))
  ports.look([link(7)], BRIDGE)
  assert.deepEqual(ports.look([link(7)], BRIDGE), [])
  mac = (INSIDE + 1) as Mac
  assert.deepEqual(ports.handle({ kind: 'changed', link: link(7) }, BRIDGE), [
    { kind: 'container-port-removed', port: PORT },
    { kind: 'container-port-added', port: { ...PORT, mac } },
  ])
})

test('a port that goes, leaves the bridge, or is missed at a second look is taken back', () => {
  const removed = [{ kind: 'container-port-removed', port: PORT }]
  const known = (): ContainerPorts => {
    const ports = inside()
    ports.look([link(7)], BRIDGE)
    return ports
  }
  assert.deepEqual(known().handle({ kind: 'removed', link: link(7) }, BRIDGE), removed)
  assert.deepEqual(known().handle({ kind: 'changed', link: link(7, { master: 0 }) }, BRIDGE), removed)
  assert.deepEqual(known().look([], BRIDGE), removed)
})
