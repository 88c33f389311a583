import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog } from '../../lib/log.ts'
import type { Way } from '../../native/bpf/layout.ts'
import type { TunnelWay } from './tables.ts'
import { TunnelWays } from './tunnel-ways.ts'

const LOCAL = Uint8Array.of(10, 0, 0, 1)
const way = (remote: number, device: string, ifindex: number): TunnelWay => {
  const address = Uint8Array.of(10, 0, 0, remote)
  return { device: { name: device, ifindex }, local: LOCAL, remote: address, gateway: address }
}

/** What the kernel has, and on which devices programs hang. */
function bed(refused: readonly string[] = []) {
  const tunnels = new Set<string>()
  const devices = new Set<string>()
  const key = ({ remote, ifindex }: Way): string => `${remote.join('.')} ${ifindex}`
  const ways = new TunnelWays(
    {
      log: silentLog,
      kernel: {
        addTunnel: (added) => void tunnels.add(key(added)),
        removeTunnel: (removed) => void tunnels.delete(key(removed)),
      },
      ports: {
        attachUnderlay: ({ name }) => {
          if (refused.includes(name)) throw new Error('EINVAL')
          devices.add(name)
        },
        detach: ({ name }) => void devices.delete(name),
      },
    },
    6784,
  )
  return { ways, tunnels, devices }
}

test('a program hangs on each device that leads to a neighbour, and goes with the last of them', () => {
  const { ways, tunnels, devices } = bed()
  ways.keep([way(2, 'eth0', 2), way(3, 'eth0', 2), way(4, 'eth1', 3)])
  assert.deepEqual([...devices], ['eth0', 'eth1'])
  assert.deepEqual([...tunnels], ['10.0.0.2 2', '10.0.0.3 2', '10.0.0.4 3'])
  ways.keep([way(3, 'eth0', 2)])
  assert.deepEqual([...devices], ['eth0'])
  assert.deepEqual([...tunnels], ['10.0.0.3 2'])
  assert.deepEqual(
    ways.devices.map(({ name }) => name),
    ['eth0'],
  )
})

test('a neighbour that is reached by another device is taken from that one only', () => {
  const { ways, tunnels } = bed()
  ways.keep([way(2, 'eth0', 2)])
  ways.keep([way(2, 'eth1', 3)])
  assert.deepEqual([...tunnels], ['10.0.0.2 3'])
})

test('where the program cannot hang there is no tunnel, and nothing to take off', () => {
  const { ways, tunnels, devices } = bed(['eth0'])
  ways.keep([way(2, 'eth0', 2), way(4, 'eth1', 3)])
  assert.deepEqual([...tunnels], ['10.0.0.4 3'])
  assert.deepEqual(
    ways.devices.map(({ name }) => name),
    ['eth1'],
  )
  ways.keep([])
  assert.deepEqual([...devices], [])
})
