import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KernelError } from './kernel-error.ts'
import { attachNames, endpointNames, isContainerPort, isOurs, oldEndpointName } from './names.ts'

const IFNAMSIZ = 15

test('names of pairs fit into what the kernel allows, whatever the id', () => {
  const id = '0123456789abcdef0123456789abcdef'
  assert.deepEqual(attachNames(id), { host: 'vethwepl0123456', guest: 'vethwepg0123456' })
  assert.deepEqual(endpointNames(id), { host: 'vethwl012345678', guest: 'vethwg012345678' })
  assert.equal(oldEndpointName(id), 'vethwl01234')
  for (const name of [...Object.values(attachNames(id)), ...Object.values(endpointNames(id))]) {
    assert.ok(name.length <= IFNAMSIZ)
  }
})

test('devices of ours are told from those of others', () => {
  const ours = ['vethwe-bridge', 'vethwe-pcap', 'vethwepl123', 'vethwl012345678', 'vethwedu', 'weave-sleeve']
  const others = ['veth1234567', 'docker0', 'weave', 'weaver0', 'vethx', 'vxlan-6784', 'eth0', 'lo']
  for (const name of ours) assert.equal(isOurs(name), true, name)
  for (const name of others) assert.equal(isOurs(name), false, name)
})

test('only the bridge’s ends of container pairs are ports to adopt', () => {
  for (const name of ['vethwepl123', 'vethwl012345678', 'vethwebldocker0'])
    assert.ok(isContainerPort(name), name)
  for (const name of ['vethwe-bridge', 'vethwepg123', 'vethwg012345678', 'vethwe-datapath']) {
    assert.ok(!isContainerPort(name), name)
  }
})

test('without root, the words say so', () => {
  assert.equal(
    new KernelError('cannot create bridge weave', 'EPERM').message,
    'cannot create bridge weave: not permitted; weave needs to run as root (CAP_NET_ADMIN and CAP_SYS_ADMIN)',
  )
})
