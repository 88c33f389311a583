import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Topology } from '../../bench/datapath/topology.ts'
import { weave } from '../../bench/datapath/weave.ts'

const VXLAN_OVERHEAD = 50
const ICMP_HEADERS = 28
const PEER = '10.99.0.2'

const skip = process.getuid?.() === 0 ? false : 'needs root'

describe('the fast datapath over an underlay of 1400 bytes', { skip }, () => {
  let topology: Topology

  before(async () => {
    topology = new Topology(`wm${process.pid % 10_000}`, { underlay: 'tso', mtu: 1376, underlayMtu: 1400 })
    topology.buildUnderlay()
    await weave({ overlay: 'fastdp' })(topology)
    await topology.ready()
  })
  after(() => topology.down())

  const connections = (): string =>
    topology.run('A', `curl -sf --unix-socket ${topology.directory}/A.sock http://weave/status/connections`)
  const measured = (mtu: number): Promise<void> =>
    topology.waitFor(`mtu=${mtu}`, () => new RegExp(`fastdp.*mtu=${mtu}\\b`).test(connections()), 40_000)
  /** What three pings say (of the first one after a change sleeve learns its own limit); of packets of `size` bytes. */
  const ping = (size: number, fragment: 'do' | 'dont'): string =>
    topology.run(
      'Ac',
      `ip route flush cache; ping -M ${fragment} -c3 -i0.3 -W2 -s ${size - ICMP_HEADERS} ${PEER} 2>&1 && echo through || true`,
    )

  for (const underlay of [1400, 1300]) {
    const mtu = underlay - VXLAN_OVERHEAD
    test(`of ${underlay} bytes: the largest packet passes, one byte more is refused or fragmented`, async () => {
      for (const host of ['A', 'B'] as const) topology.run(host, `ip link set u0 mtu ${underlay}`)
      await measured(mtu)
      assert.match(ping(mtu, 'do'), /through/)
      assert.match(ping(mtu + 1, 'do'), /Frag needed|message too long/i)
      assert.match(ping(mtu + 1, 'dont'), /through/)
      assert.match(ping(1376, 'dont'), /through/)
    })
  }
})
