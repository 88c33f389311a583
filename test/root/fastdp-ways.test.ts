import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  CONTAINER_ADDRESS,
  HOSTS,
  type HostId,
  Topology,
  UNDERLAY_ADDRESS,
} from '../../bench/datapath/topology.ts'
import { weave } from '../../bench/datapath/weave.ts'

const skip = process.getuid?.() === 0 ? false : 'needs root'
/** Heartbeats and address resolution take the VXLAN device in any case. */
const FEW = 40
const MANY = 300

interface Report {
  readonly Router: {
    readonly OverlayDiagnostics: {
      readonly fastdp: {
        readonly Ways: Record<string, { readonly device?: string; readonly because?: string }>
      }
    }
  }
}

for (const underlay of ['tso', 'wire'] as const) {
  describe(`VXLAN past the VXLAN device, underlay ${underlay}`, { skip }, () => {
    let topology: Topology

    before(async () => {
      topology = new Topology(`ww${underlay[0]}${process.pid % 10_000}`, {
        underlay,
        mtu: 1376,
        underlayMtu: 1500,
      })
      topology.buildUnderlay()
      // Every checksum is computed and looked at, as between machines.
      if (underlay === 'wire') for (const host of HOSTS) topology.run(host, 'ethtool -K u0 tx off rx off')
      await weave({ overlay: 'fastdp' })(topology)
      await topology.ready()
    })
    after(() => topology.down())

    const way = (host: HostId) => {
      const text = topology.run(
        host,
        `curl -sf --unix-socket ${topology.directory}/${host}.sock -H 'Accept: application/json' http://weave/report`,
      )
      const { Ways } = (JSON.parse(text) as Report).Router.OverlayDiagnostics.fastdp
      return Object.values(Ways)[0]
    }
    const byDevice = (device: string | undefined, because?: RegExp): Promise<void> =>
      topology.waitFor(`the way by ${device ?? 'the VXLAN device'}`, () =>
        HOSTS.every((host) => {
          const { device: now, because: why } = way(host) ?? {}
          return now === device && (because === undefined || because.test(why ?? ''))
        }),
      )
    /** Packets that passed the VXLAN device of a host in both directions. */
    const throughDevice = (host: HostId): number =>
      ['rx', 'tx']
        .map((way) => Number(topology.run(host, `cat /sys/class/net/vxlan-6784/statistics/${way}_packets`)))
        .reduce((sum, packets) => sum + packets, 0)
    /** How many packets passed the VXLAN devices of both hosts during a flood of pings. */
    const devicesDuringPings = (options = ''): number => {
      const before = HOSTS.map(throughDevice)
      const said = topology.run('Ac', `ping -q -c${MANY} -i0.002 ${options} ${CONTAINER_ADDRESS.B}`)
      assert.match(said, / 0% packet loss/)
      return HOSTS.map(throughDevice).reduce((sum, packets, at) => sum + packets - (before[at] ?? 0), 0)
    }

    test('the way is found, and frames do not touch the VXLAN device', async () => {
      await byDevice('u0')
      assert.ok(devicesDuringPings() < FEW)
    })

    test('what arrives is what was sent, in both directions and all sizes', async () => {
      const listen = (host: HostId, port: number): void =>
        topology.daemon(`${host}c`, `sink${port}`, [
          'sh',
          '-c',
          `socat -u TCP-LISTEN:${port},reuseaddr STDOUT | sha256sum`,
        ])
      const stream = (from: HostId, to: HostId, port: number): void => {
        listen(to, port)
        const source = 'openssl enc -aes-128-ctr -K 00 -iv 00 -in /dev/zero 2>/dev/null | head -c 30000000'
        topology.run(
          `${from}c`,
          `for i in $(seq 50); do ${source} | socat -u STDIN TCP:${CONTAINER_ADDRESS[to]}:${port} 2>/dev/null && exit 0; sleep 0.1; done; exit 1`,
        )
      }
      stream('A', 'B', 4001)
      stream('B', 'A', 4002)
      const expected = topology
        .run(
          'A',
          'openssl enc -aes-128-ctr -K 00 -iv 00 -in /dev/zero 2>/dev/null | head -c 30000000 | sha256sum',
        )
        .trim()
      for (const port of [4001, 4002])
        await topology.waitFor(`the sum of ${port}`, () => topology.log(`sink${port}`).trim() === expected)
      for (const size of [0, 1, 500, 1348, 1349, 4000, 20_000])
        topology.run('Ac', `ping -q -c2 -i0.1 -W2 -s ${size} ${CONTAINER_ADDRESS.B}`)
    })

    test('IPv6 frames take it too', () => {
      for (const [place, address] of [
        ['Ac', 'fd00::1'],
        ['Bc', 'fd00::2'],
      ] as const) {
        topology.run(
          place,
          `echo 0 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6; ip -6 addr add ${address}/64 dev eth0 nodad`,
        )
      }
      topology.run('Ac', 'ping -6 -q -c1 -W2 fd00::2')
      const before = HOSTS.map(throughDevice)
      assert.match(topology.run('Ac', `ping -6 -q -c${MANY} -i0.002 fd00::2`), / 0% packet loss/)
      const moved = HOSTS.map(throughDevice).map((packets, at) => packets - (before[at] ?? 0))
      assert.ok(Math.max(...moved) < FEW, `${moved}`)
    })

    const closing: readonly [string, RegExp, string, string][] = [
      [
        'a rule that changes the source',
        /snat|SNAT/,
        'iptables -t nat -A POSTROUTING -p udp -j SNAT --to-source 10.98.0.9',
        'iptables -t nat -F POSTROUTING',
      ],
      ['a filter on the device', /clsact/, 'tc qdisc add dev u0 clsact', 'tc qdisc del dev u0 clsact'],
      [
        'a route by a device without Ethernet',
        /not Ethernet/,
        `ip tuntap add dev t0 mode tun; ip link set t0 up; ip route add ${UNDERLAY_ADDRESS.A}/32 dev t0; ip route add ${UNDERLAY_ADDRESS.B}/32 dev t0`,
        'ip link del t0',
      ],
    ]
    for (const [what, because, close, open] of closing) {
      test(`${what} closes it, and opens it again when it goes`, async () => {
        for (const host of HOSTS) topology.run(host, close)
        await byDevice(undefined, because)
        for (const host of HOSTS) topology.run(host, open)
        await byDevice('u0')
        assert.ok(devicesDuringPings() < FEW)
      })
    }

    test('rules for others leave it open', async () => {
      const rules = [
        '-s 172.17.0.0/16 ! -o docker0 -j MASQUERADE',
        '-p tcp -j MASQUERADE',
        '-p udp --dport 53 -j MASQUERADE',
        '-o eth7 -j MASQUERADE',
      ]
      for (const host of HOSTS)
        for (const rule of rules) topology.run(host, `iptables -t nat -A POSTROUTING ${rule}`)
      // A rule that closes it, as a sign that the others were looked at.
      for (const host of HOSTS) topology.run(host, 'iptables -t mangle -A OUTPUT -p udp -j MARK --set-mark 1')
      await byDevice(undefined, /MARK/)
      for (const host of HOSTS) topology.run(host, 'iptables -t mangle -F OUTPUT')
      await byDevice('u0')
    })
  })
}
