import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { ContainerPort } from '../../src/host/direct/container-ports.ts'
import { DirectPorts } from '../../src/host/direct/direct-ports.ts'
import { silentLog } from '../../src/lib/log.ts'
import { formatMac } from '../../src/lib/mac.ts'
import { eventually } from '../support/eventually.ts'
import { Container, inOwnNamespaces, run } from './support/namespaces.ts'

inOwnNamespaces(import.meta.filename, () => {
  let container: Container
  let ports: DirectPorts
  const known = new Map<number, ContainerPort>()
  const told: (string | undefined)[] = []

  before(async () => {
    run('ip', 'link', 'add', 'weave', 'type', 'bridge')
    container = await Container.start()
    ports = new DirectPorts({ log: silentLog }, 'weave', {
      added: (port) => known.set(port.ifindex, port),
      removed: (port) => known.delete(port.ifindex),
      chains: () => undefined,
      onlooker: (who) => told.push(who),
    })
    await ports.start()
  })
  after(async () => {
    await ports.stop()
    await container.stop()
  })

  test('a port with a container behind it is told of, and taken back when the container goes', async () => {
    assert.equal(known.size, 0)
    run('ip', 'link', 'add', 'port', 'type', 'veth', 'peer', 'name', 'inside', 'netns', `${container.pid}`)
    run('ip', 'link', 'set', 'port', 'master', 'weave', 'up')
    await eventually('the port', () => known.size === 1)
    const address = container.run('ip', '-br', 'link', 'show', 'inside')
    assert.match(address, new RegExp([...known.values()].map(({ mac }) => formatMac(mac)).join()))
    run('ip', 'link', 'del', 'port')
    await eventually('no port', () => known.size === 0)
  })

  test('rules that see frames of the bridge close the short way within a moment, and open it when they go', async () => {
    assert.deepEqual(told, [undefined])
    run(
      'nft',
      'add table bridge b; add chain bridge b c { type filter hook forward priority 0; policy drop; }',
    )
    await eventually('somebody', () => /bridge b c/.test(told.at(-1) ?? ''))
    run('nft', 'delete table bridge b')
    await eventually('nobody', () => told.at(-1) === undefined)
    run('iptables-nft', '-I', 'FORWARD', '-m', 'physdev', '--physdev-is-bridged', '-j', 'DROP')
    await eventually('somebody', () => /physdev/.test(told.at(-1) ?? ''))
    run('iptables-nft', '-F', 'FORWARD')
    await eventually('nobody', () => told.at(-1) === undefined)
  })
})
