import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CONTAINER_ADDRESS, HOSTS, type HostId, Topology } from '../../bench/datapath/topology.ts'
import { weave } from '../../bench/datapath/weave.ts'

const skip = process.getuid?.() === 0 ? false : 'needs root'
/** A heartbeat every 5 s, then three more a second apart; and the poll of this test. */
const NOTICED_MS = 10_000
/** The slowest retry is every 30 s. */
const BACK_MS = 40_000

describe('UDP port 6784 is blocked for a while', { skip }, () => {
  let topology: Topology

  before(async () => {
    topology = new Topology(`wk${process.pid % 10_000}`, { underlay: 'tso', mtu: 1376, underlayMtu: 1500 })
    topology.buildUnderlay()
    await weave({ overlay: 'fastdp' })(topology)
    await topology.ready()
  })
  after(() => topology.down())

  const connection = (host: HostId): string =>
    topology.run(
      host,
      `curl -sf --unix-socket ${topology.directory}/${host}.sock http://weave/status/connections`,
    )
  const ping = (): string => topology.run('Ac', `ping -q -c20 -i0.05 -W1 ${CONTAINER_ADDRESS.B}`)

  /** Where it is blocked, at which hosts, which hosts then cannot send, and how. */
  const blocks: readonly [string, readonly HostId[], readonly HostId[], string, string][] = [
    [
      'by the firewall of the receiver',
      ['B'],
      ['A'],
      'iptables -I INPUT -p udp --dport 6784 -j DROP',
      'iptables -F INPUT',
    ],
    [
      'on the path, in both directions',
      HOSTS,
      HOSTS,
      `nft 'add table netdev path; add chain netdev path out { type filter hook egress device u0 priority 0; }
        add rule netdev path out udp dport 6784 drop'`,
      'nft delete table netdev path',
    ],
  ]
  for (const [where, hosts, senders, block, open] of blocks) {
    test(`${where}: sleeve carries the traffic, the reason and the next try are shown, and the fast datapath returns`, async (context) => {
      const begun = performance.now()
      for (const host of hosts) topology.run(host, block)
      const fallen = /established sleeve .*unused=fastdp \((.+); next try in [0-9.]+ s\)/
      await topology.waitFor(
        'sleeve',
        () => senders.every((host) => fallen.test(connection(host))),
        NOTICED_MS,
      )
      context.diagnostic(
        `noticed after ${Math.round(performance.now() - begun)} ms: ${connection('A').trim()}`,
      )
      assert.match(fallen.exec(connection('A'))?.[1] ?? '', /not answered any more/)
      assert.match(ping(), / 0% packet loss/)

      const opened = performance.now()
      for (const host of hosts) topology.run(host, open)
      const returned = /established fastdp .*mtu=1376/
      await topology.waitFor(
        'the fast datapath on both sides',
        () => HOSTS.every((host) => returned.test(connection(host)) && !connection(host).includes('unused=')),
        BACK_MS,
      )
      context.diagnostic(`back after ${Math.round(performance.now() - opened)} ms`)
      assert.match(ping(), / 0% packet loss/)
    })
  }
})
