import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CONTAINER_ADDRESS, HOSTS, Topology, UNDERLAY_ADDRESS } from '../../bench/datapath/topology.ts'
import { espProblem } from '../../src/host/probe/kernel.ts'
import { projectFile } from '../support/project.ts'

/** The original's router program; its fast datapath needs the module openvswitch. */
const original = process.env['WEAVE_ORIGINAL']
const skip =
  original === undefined
    ? 'WEAVE_ORIGINAL does not name the program'
    : process.getuid?.() !== 0 && 'needs root'

const PASSWORD = { WEAVE_PASSWORD: 'wolf-tundra-lantern-42' }

for (const sealed of [false, true]) {
  const withoutEsp = sealed ? espProblem() : undefined
  const name = `our fast datapath and the Open vSwitch of the original, ${sealed ? 'sealed by ESP' : 'in clear'}`
  describe(name, { skip: skip !== false ? skip : (withoutEsp ?? false) }, () => suite(sealed))
}

function suite(sealed: boolean): void {
  let topology: Topology
  const environment = sealed ? PASSWORD : {}
  const established = sealed ? /established encrypted +fastdp/ : /established fastdp/
  const status = (): string =>
    topology.run('A', `curl -sf --unix-socket ${topology.directory}/A.sock http://weave/status/connections`)
  const peerStatus = (): string => topology.run('B', 'curl -sf http://127.0.0.1:6784/status/connections')

  before(async () => {
    topology = new Topology(`w${sealed ? 's' : 'o'}${process.pid % 10_000}`, {
      underlay: 'tso',
      mtu: 1376,
      underlayMtu: 1500,
    })
    topology.buildUnderlay()
    const quiet = ['--docker-api', '', '--ipalloc-range', '', '--no-dns', '--nickname']
    topology.daemon(
      'B',
      'original',
      [
        'sh',
        '-c',
        `cd ${topology.directory} && exec "$@"`,
        'sh',
        ...[original ?? '', '--port', '6783', '--name', '02:00:00:00:00:02', '--datapath', 'datapath'],
        ...[
          '--weave-bridge',
          'weave',
          '--http-addr',
          '127.0.0.1:6784',
          '--db-prefix',
          `${topology.directory}/db`,
        ],
        ...[...quiet, 'B'],
      ],
      environment,
    )
    await topology.waitFor('the original', () => peerStatus() !== undefined, 60_000)
    topology.daemon(
      'A',
      'weaveA',
      [
        ...[process.execPath, projectFile('dist/daemon.cjs'), '--state-dir', `${topology.directory}/A`],
        ...['--control-socket', `${topology.directory}/A.sock`, '--docker-bridge', '', '--plugin=false'],
        ...['--status-addr', '', '--name', '02:00:00:00:00:01', ...quiet, 'A', '--', UNDERLAY_ADDRESS.B],
      ],
      environment,
    )
    topology.daemon('A', 'tcpdump', [
      'tcpdump',
      '-Z',
      'root',
      '-U',
      '-ni',
      'u0',
      '-w',
      `${topology.directory}/wire`,
    ])
    topology.addContainers({ addresses: true })
    await topology.waitFor(
      'the fast datapath at both ends',
      () => established.test(status()) && established.test(peerStatus()),
      90_000,
    )
    for (const host of HOSTS) topology.run(host, 'ip link set vc master weave')
    await topology.ready()
  })
  after(() => topology.down())

  test('pings of all sizes up to the largest packet, and larger ones in fragments', () => {
    for (const size of [0, 500, 1348, 1349, 4000])
      topology.run('Ac', `ping -q -c3 -i0.2 -W5 -s ${size} ${CONTAINER_ADDRESS.B}`)
    topology.run('Bc', `ping -q -c3 -i0.2 -W5 ${CONTAINER_ADDRESS.A}`)
  })

  test('a TCP stream arrives whole, in both directions', async () => {
    for (const [from, to] of [
      ['A', 'B'],
      ['B', 'A'],
    ] as const) {
      const sink = `sink${from}`
      topology.daemon(`${to}c`, sink, ['sh', '-c', 'socat -u TCP-LISTEN:4001,reuseaddr STDOUT | sha256sum'])
      const source = 'openssl enc -aes-128-ctr -K 00 -iv 00 -in /dev/zero 2>/dev/null | head -c 5000000'
      topology.run(
        `${from}c`,
        `for i in $(seq 50); do ${source} | socat -u STDIN TCP:${CONTAINER_ADDRESS[to]}:4001 2>/dev/null && exit 0; sleep 0.2; done; exit 1`,
      )
      const expected = topology.run('A', `${source} | sha256sum`).trim()
      await topology.waitFor(`the sum at ${to}`, () => topology.log(sink).trim() === expected)
    }
  })

  test('a broadcast reaches the other side', () => {
    topology.run('Bc', 'echo 0 >/proc/sys/net/ipv4/icmp_echo_ignore_broadcasts')
    assert.match(
      topology.run('Ac', 'ping -b -c3 -i0.3 -W5 10.99.0.255 2>/dev/null || true'),
      /from 10\.99\.0\.2/,
    )
  })

  test('both ends say that the fast datapath carries it', () => {
    for (const text of [status(), peerStatus()]) {
      assert.match(text, established)
      assert.match(text, /mtu=1376/)
    }
  })

  test(`on the wire there is ${sealed ? 'ESP and no VXLAN' : 'VXLAN'}`, () => {
    const count = (filter: string): number =>
      Number(topology.run('A', `tcpdump -nr ${topology.directory}/wire '${filter}' 2>/dev/null | wc -l`))
    assert.equal(count('udp dst port 6784') > 0, !sealed)
    for (const from of Object.values(UNDERLAY_ADDRESS))
      assert.equal(count(`esp and src ${from}`) > 20, sealed)
  })
}
