import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CONTAINER_ADDRESS, HOSTS, type HostId, Topology } from '../../bench/datapath/topology.ts'
import { weave } from '../../bench/datapath/weave.ts'

const VXLAN_OVERHEAD = 50
const HEADERS = 28
const JUMBO = 9000 - VXLAN_OVERHEAD
/** A raise waits for a minute, the search for a path's size comes before. */
const RAISED_MS = 100_000

const skip = process.getuid?.() === 0 ? false : 'needs root'

describe('containers on hosts with an underlay of 9000 bytes', { skip }, () => {
  let topology: Topology

  before(async () => {
    topology = new Topology(`wf${process.pid % 10_000}`, { underlay: 'tso', mtu: 1376, underlayMtu: 9000 })
    topology.buildUnderlay()
    await weave({ overlay: 'fastdp', followMtu: true })(topology)
    // The namespace of a container is known by its processes.
    for (const host of HOSTS) topology.daemon(`${host}c`, `${host}c`, ['sleep', 'infinity'])
    topology.run(
      'A',
      `ip link add vp mtu 1300 type veth peer name eth1 mtu 1300 netns ${topology.namespace('Ac')}`,
    )
    topology.run('A', 'ip link set vp master weave up')
    await topology.ready()
  })
  after(() => topology.down())

  const mtuOf = (place: HostId | 'Ac' | 'Bc', device: string): number =>
    Number(topology.run(place, `cat /sys/class/net/${device}/mtu`))
  const report = (host: HostId, field: string): string =>
    topology.run(
      host,
      `curl -sf --unix-socket ${topology.directory}/${host}.sock 'http://weave/report?format=%7B%7B${field}%7D%7D'`,
    )
  const every = async (mtu: number): Promise<void> => {
    for (const host of HOSTS) {
      await topology.waitFor(`${mtu} on ${host}`, () => mtuOf(`${host}c`, 'eth0') === mtu, RAISED_MS)
      for (const device of ['weave', 'vc', 'vethwe-bridge', 'vethwe-datapath', 'weave-sleeve'])
        assert.equal(mtuOf(host, device), mtu, device)
    }
  }
  const ping = (size: number, more = ''): string =>
    topology.run('Ac', `ping -c5 -i0.2 -W2 ${more} -s ${size - HEADERS} ${CONTAINER_ADDRESS.B} 2>&1 || true`)

  test('get packets of 8950 bytes, while they run', async () => {
    assert.equal(mtuOf('Ac', 'eth0'), 1376)
    await every(JUMBO)
    await topology.waitFor('a jumbo packet', () => / 0% packet loss/.test(ping(JUMBO, '-M do')), 10_000)
    assert.match(ping(JUMBO + 1, '-M do'), /message too long/i)
  })

  test('what the user gave another MTU keeps it', () => {
    assert.equal(mtuOf('A', 'vp'), 1300)
    assert.equal(mtuOf('Ac', 'eth1'), 1300)
  })

  test('the report says how many, and why', () => {
    assert.equal(report('A', '.Router.OverlayDiagnostics.mtu.Containers'), `${JUMBO}`)
    assert.match(
      report('A', '.Router.OverlayDiagnostics.mtu.Because'),
      /the narrowest path, to 02:00:00:00:00:02, carries 8950$/,
    )
  })

  test('follow a path that becomes narrow; until then larger packets are refused or cut, not lost', async () => {
    for (const host of HOSTS) topology.run(host, 'ip link set u0 mtu 1500')
    await topology.waitFor('the smaller size', () => / 0% packet loss/.test(ping(1450, '-M do')), 20_000)
    assert.match(ping(JUMBO, '-M dont'), / 0% packet loss/)
    await every(1450)
    assert.match(ping(1450, '-M do'), / 0% packet loss/)
  })
})
