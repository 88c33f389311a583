import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  CONTAINER_ADDRESS,
  HOSTS,
  type HostId,
  Topology,
  UNDERLAY_ADDRESS,
} from '../../bench/datapath/topology.ts'
import { espProblem } from '../../src/host/probe/kernel.ts'
import { projectFile } from '../support/project.ts'

const skip = process.getuid?.() !== 0 ? 'needs root' : (espProblem() ?? false)
const PEER_NAME = { A: '02:00:00:00:00:01', B: '02:00:00:00:00:02' } as const
/** 16 bytes that nothing else on the underlay contains. */
const MARKER = 'weaveleakmarker!'
const MARKER_HEX = Buffer.from(MARKER).toString('hex')
/** Emulated processors are slow. */
const LIMIT_MS = 120_000
/** As somebody else's key exchange may have made them. */
const FOREIGN_STATE = 'src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1234 reqid 7 mode transport'
const FOREIGN_POLICY = 'src 192.0.2.1/32 dst 192.0.2.2/32 proto udp dir out priority 0'

describe('the fast datapath with a password', { skip }, () => {
  let topology: Topology

  before(async () => {
    topology = new Topology(`we${process.pid % 10_000}`, { underlay: 'tso', mtu: 1376, underlayMtu: 1500 })
    topology.buildUnderlay()
    const key = `0x${'11'.repeat(36)}`
    topology.run('A', `ip xfrm state add ${FOREIGN_STATE} aead 'rfc4106(gcm(aes))' ${key} 128`)
    topology.run('A', `ip xfrm policy add ${FOREIGN_POLICY} tmpl proto esp reqid 7 mode transport`)
    watch()
    for (const host of HOSTS) await launch(host)
    topology.addContainers({ addresses: true })
    for (const host of HOSTS) topology.run(host, 'ip link set vc master weave')
    await sealed()
  })
  after(() => topology.down())

  const status = (host: HostId): string =>
    topology.run(
      host,
      `curl -sf --unix-socket ${topology.directory}/${host}.sock http://weave/status/connections`,
    )
  const states = (host: HostId): string => topology.run(host, 'ip xfrm state')
  const policies = (host: HostId): string => topology.run(host, 'ip xfrm policy')
  const count = (text: string, what: RegExp): number => text.match(what)?.length ?? 0

  /** `launch` of a host that runs already follows `stop` or `kill`. */
  async function launch(host: HostId, ...more: string[]): Promise<void> {
    const flags = [
      ...[
        '--state-dir',
        `${topology.directory}/${host}`,
        '--control-socket',
        `${topology.directory}/${host}.sock`,
      ],
      ...['--docker-api', '', '--docker-bridge', '', '--plugin=false', '--no-dns', '--ipalloc-range', ''],
      ...['--status-addr', '', '--name', PEER_NAME[host], '--nickname', host, ...more],
      ...(host === 'B' ? ['--', UNDERLAY_ADDRESS.A] : []),
    ]
    topology.daemon(host, `weave${host}`, [process.execPath, projectFile('dist/daemon.cjs'), ...flags], {
      WEAVE_PASSWORD: 'wolf-tundra-lantern-42',
    })
    await topology.waitFor(`the daemon of ${host}`, () => status(host) !== undefined, LIMIT_MS)
  }

  const end = (host: HostId, signal: 'TERM' | 'KILL'): Promise<void> => {
    const pid = topology.run(host, `pgrep -f 'daemon.cjs.*--nickname ${host}' | head -1`).trim()
    topology.run(host, `kill -${signal} ${pid}`)
    return topology.waitFor(
      'its end',
      () => topology.run(host, `test -e /proc/${pid} || echo over`) !== '',
      LIMIT_MS,
    )
  }

  const sealed = (): Promise<void> =>
    topology.waitFor(
      'sealed VXLAN at both ends',
      () =>
        HOSTS.every((host) =>
          /established encrypted +fastdp .*cipher=esp-aes-256-gcm .*keyAgeSec=\d+ mtu=\d+/.test(status(host)),
        ),
      LIMIT_MS,
    )

  /** All that crosses the underlay from now on. */
  function watch(): void {
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
  }

  /** Packets on the wire so far that a filter of tcpdump selects. */
  const onWire = (filter: string): number =>
    Number(topology.run('A', `tcpdump -nr ${topology.directory}/wire '${filter}' 2>/dev/null | wc -l`))

  /** But for what a test forges. */
  let forged = 0
  function assertNothingInClear(): void {
    const filter = 'udp dst port 6784'
    const seen = topology.run('A', `tcpdump -ttnr ${topology.directory}/wire '${filter}' 2>/dev/null`)
    assert.equal(onWire(filter), forged, `VXLAN in clear:\n${seen}`)
    assert.equal(
      topology.run('A', `grep -c ${MARKER} ${topology.directory}/wire || true`).trim(),
      '0',
      'marker',
    )
  }

  const ping = (options = '-c3 -i0.2'): string =>
    topology.run('Ac', `ping -q -W5 ${options} -p ${MARKER_HEX} -s200 ${CONTAINER_ADDRESS.B} || true`)

  test('containers talk, and only ESP is on the wire', async () => {
    const before = onWire('esp')
    assert.match(ping(), / 0% packet loss/)
    for (const size of [1348, 1349, 4000])
      topology.run('Ac', `ping -q -c2 -i0.2 -W5 -s ${size} ${CONTAINER_ADDRESS.B}`)
    topology.daemon('Bc', 'sink', ['sh', '-c', 'socat -u TCP-LISTEN:4001,reuseaddr STDOUT | sha256sum'])
    const source = `yes ${MARKER} | head -c 2000000`
    topology.run(
      'Ac',
      `for i in $(seq 50); do ${source} | socat -u STDIN TCP:${CONTAINER_ADDRESS.B}:4001 2>/dev/null && exit 0; sleep 0.2; done; exit 1`,
    )
    const expected = topology.run('A', `${source} | sha256sum`).trim()
    await topology.waitFor('the sum', () => topology.log('sink').trim() === expected, LIMIT_MS)
    assert.ok(onWire('esp') > before + 1000)
    assertNothingInClear()
  })

  test('VXLAN in clear from the neighbour’s address is refused, and ours in clear does not leave', () => {
    const refused = (): number =>
      Number(
        topology.run(
          'A',
          "awk '/XfrmInTmplMismatch|XfrmInNoPols/ {n += $2} END {print n}' /proc/net/xfrm_stat",
        ),
      )
    const before = refused()
    const datagram = `printf '\\010\\0\\0\\0\\0\\0\\0\\0%s' ${MARKER}`
    assert.throws(() => topology.run('B', `${datagram} | socat -u STDIN UDP:${UNDERLAY_ADDRESS.A}:6784`))
    topology.run(
      'B',
      `ip xfrm policy delete dir out src ${UNDERLAY_ADDRESS.B}/32 dst ${UNDERLAY_ADDRESS.A}/32 proto udp dport 6784`,
    )
    topology.run(
      'B',
      `printf '\\010\\0\\0\\0\\0\\0\\0\\0forged' | socat -u STDIN UDP:${UNDERLAY_ADDRESS.A}:6784`,
    )
    forged++
    assert.equal(refused(), before + 1)
    topology.run(
      'B',
      `ip xfrm policy add dir out src ${UNDERLAY_ADDRESS.B}/32 dst ${UNDERLAY_ADDRESS.A}/32 proto udp dport 6784 action block priority 30566`,
    )
  })

  for (const signal of ['KILL', 'TERM'] as const) {
    test(`after ${signal} and a new start containers talk again, nothing is seen in clear, nothing old stays`, async () => {
      topology.daemon('Ac', `chatter${signal}`, [
        'ping',
        '-q',
        '-i0.05',
        '-p',
        MARKER_HEX,
        '-s200',
        CONTAINER_ADDRESS.B,
      ])
      const earlier = new Set(states('A').match(/spi 0x[0-9a-f]+/g))
      await end('A', signal)
      if (signal === 'TERM') {
        assert.equal(count(states('A'), /^src/gm), 1, states('A'))
        assert.equal(count(policies('A'), /^src/gm), 1, policies('A'))
      }
      await launch('A')
      await sealed()
      await topology.waitFor('an answer', () => / 0% packet loss/.test(ping()), LIMIT_MS)
      const now = states('A')
      assert.equal(count(now, /reqid 2003132790/g), 2, now)
      for (const spi of now.match(/spi 0x[0-9a-f]+/g) ?? [])
        assert.ok(spi.endsWith('1234') || !earlier.has(spi), spi)
      assert.equal(count(policies('A'), /^src/gm), 5, policies('A'))
      assertNothingInClear()
    })
  }

  test('sleeve takes over where ESP is blocked, and ESP comes back; nothing is seen in clear', async () => {
    topology.run('B', 'iptables -I INPUT -p esp -j DROP')
    await topology.waitFor(
      'sleeve',
      () => /established encrypted +sleeve .*unused=fastdp/.test(status('A')),
      LIMIT_MS,
    )
    await topology.waitFor('an answer by sleeve', () => / 0% packet loss/.test(ping()), LIMIT_MS)
    topology.run('B', 'iptables -F INPUT')
    await sealed()
    assert.match(ping('-c3 -i0.5'), / 0% packet loss/)
    assertNothingInClear()
  })

  test('what is not ours was not touched, and after the end nothing of ours is left', async () => {
    for (const host of HOSTS) await end(host, 'TERM')
    assert.equal(count(states('B'), /^src/gm), 0)
    assert.equal(count(policies('B'), /^src/gm), 0)
    assert.match(states('A'), /^src 192\.0\.2\.1 dst 192\.0\.2\.2\n\tproto esp spi 0x00001234/)
    assert.match(policies('A'), /^src 192\.0\.2\.1\/32 dst 192\.0\.2\.2\/32/)
    assertNothingInClear()
  })
})
