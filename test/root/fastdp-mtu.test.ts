import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import { Topology, UNDERLAY_ADDRESS } from '../../bench/datapath/topology.ts'
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

const ROUTER = '10.98.0.254'
/** One is lost at the router, whose answer tells; another one may be, while sleeve, which answers from then on, learns the same. */
const VANISHED = 3

describe('the fast datapath through a router', { skip }, () => {
  let topology: Topology
  const router = `wr${process.pid % 10_000}R`
  const inRouter = (...argv: string[]): void => {
    execFileSync('ip', ['netns', 'exec', router, ...argv])
  }

  /** A – router – B, instead of A – B. */
  function insertRouter(): void {
    execFileSync('ip', ['netns', 'add', router])
    topology.run('A', 'ip link del u0')
    for (const [host, port] of [
      ['A', 'toA'],
      ['B', 'toB'],
    ] as const) {
      inRouter(
        'ip',
        'link',
        'add',
        port,
        'type',
        'veth',
        'peer',
        'name',
        'u0',
        'netns',
        topology.namespace(host),
      )
      inRouter('ip', 'addr', 'add', `${ROUTER}/32`, 'dev', port)
      inRouter('ip', 'link', 'set', port, 'up')
      inRouter('ip', 'route', 'add', UNDERLAY_ADDRESS[host], 'dev', port)
      topology.run(
        host,
        `ip addr add ${UNDERLAY_ADDRESS[host]}/32 dev u0; ip link set u0 up; ip route add ${ROUTER} dev u0
         ip route add default via ${ROUTER}`,
      )
    }
    inRouter('sysctl', '-qw', 'net.ipv4.ip_forward=1')
  }

  before(async () => {
    topology = new Topology(`wr${process.pid % 10_000}`, { underlay: 'tso', mtu: 1376, underlayMtu: 1500 })
    topology.buildUnderlay()
    insertRouter()
    await weave({ overlay: 'fastdp' })(topology)
    await topology.ready()
  })
  after(async () => {
    await topology.down()
    execFileSync('ip', ['netns', 'del', router])
  })

  test('a path that shrinks behind the router is noticed by the router’s first answer, and within a second senders are told what fits', async () => {
    await topology.waitFor('mtu=1376', () =>
      /fastdp.*mtu=1376\b/.test(
        topology.run(
          'A',
          `curl -sf --unix-socket ${topology.directory}/A.sock http://weave/status/connections`,
        ),
      ),
    )
    const full = 1376 - ICMP_HEADERS
    assert.match(topology.run('Ac', `ping -M do -q -c20 -i0.02 -s ${full} ${PEER}`), / 0% packet loss/)
    inRouter('ip', 'link', 'set', 'toB', 'mtu', '1300')
    topology.run('B', 'ip link set u0 mtu 1300')
    const said = topology.run('Ac', `ping -M do -c20 -i0.1 -W1 -s ${full} ${PEER} 2>&1 || true`)
    const [sent = 0, got = 0] = (/(\d+) packets transmitted, (\d+) received/.exec(said) ?? [])
      .slice(1)
      .map(Number)
    const told = said.match(/Frag needed|message too long/gi)?.length ?? 0
    assert.ok(sent - got - told <= VANISHED, said)
    assert.match(
      topology.run('Ac', `ping -M do -q -c5 -i0.1 -W1 -s ${1238 - ICMP_HEADERS} ${PEER}`),
      / 0% packet loss/,
    )
  })
})
