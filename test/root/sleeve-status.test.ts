import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CONTAINER_ADDRESS, HOSTS, type HostId, Topology } from '../../bench/datapath/topology.ts'
import { weave } from '../../bench/datapath/weave.ts'

const SEALINGS = [
  { title: 'in clear', variant: {}, cipher: undefined },
  { title: 'sealed for old peers', variant: { password: true, secretbox: true }, cipher: 'secretbox' },
  { title: 'sealed between our own', variant: { password: true }, cipher: 'aes-256-gcm' },
] as const
const HEADERS = { 4: 20, 6: 40 } as const
let topologies = 0

/** Real daemons, on an underlay that has no other IP version. */
for (const version of [4, 6] as const) {
  for (const { title, variant, cipher } of SEALINGS) {
    describe(`daemons that speak sleeve over IPv${version}, ${title}`, () => {
      let topology: Topology
      before(async () => {
        const prefix = `wst${process.pid % 10_000}${topologies++}`
        topology = new Topology(prefix, { underlay: 'tso', mtu: 1376, underlayMtu: 1500, version })
        topology.buildUnderlay()
        await weave({ overlay: 'sleeve', ...variant })(topology)
        await topology.ready()
      })
      after(() => topology.down())

      const page = (host: HostId, path: string): string =>
        topology.run(host, `curl -sf --unix-socket ${topology.directory}/${host}.sock 'http://weave${path}'`)
      const metric = (host: HostId, name: string): number =>
        Number(page(host, '/metrics').match(new RegExp(`^${name} (\\d+)$`, 'm'))?.[1])
      const event = (host: HostId, name: string): number =>
        metric(host, `weave_engine_events_total\\{event="${name}"\\}`)

      test('status names path, MTU, cipher and the age of its key', async () => {
        // Ethernet carries 1500: IP and UDP headers, sleeve's own (14 for the frame, 6 or 30 for the datagram), Ethernet in it.
        const mtu = 1500 - HEADERS[version] - 8 - 14 - (cipher === undefined ? 6 : 30) - 14
        const address = version === 4 ? '10\\.98\\.0\\.\\d:\\d+' : '\\[fd98::\\d\\]:\\d+'
        const [state, sealing] =
          cipher === undefined ? ['', ''] : [' encrypted  ', `cipher=${cipher} .*keyAgeSec=\\d+ `]
        const line = new RegExp(
          `^(->|<-) ${address} +established${state} sleeve \\S+ .*${sealing}mtu=${mtu}`,
          'm',
        )
        for (const host of HOSTS) {
          const connections = (): string => page(host, '/status/connections')
          await topology.waitFor(`the MTU at ${host}`, () => connections().includes(`mtu=${mtu}`))
          assert.match(connections(), line)
        }
      })

      test('containers talk, and the metrics say what was sealed and opened', () => {
        const before = HOSTS.map((host) => [event(host, 'datagramsSealed'), event(host, 'datagramsOpened')])
        topology.run('Ac', `ping -q -c20 -i0.01 -W2 ${CONTAINER_ADDRESS.B}`)
        for (const [index, host] of HOSTS.entries()) {
          const [sealed = 0, opened = 0] = before[index] ?? []
          const least = cipher === undefined ? 0 : 20
          for (const [name, was] of [
            ['datagramsSealed', sealed],
            ['datagramsOpened', opened],
          ] as const) {
            const more = event(host, name) - was
            assert.ok(cipher === undefined ? more === 0 : more >= least, `${name} at ${host}: ${more}`)
          }
        }
      })

      test('what was refused is counted, and the keys so far', {
        skip: cipher === undefined && 'nothing is sealed',
      }, async () => {
        const before = event('B', 'dropUndecryptable')
        const forged = `020000000001${'11'.repeat(60)}`
        const to = version === 4 ? 'UDP4-SENDTO:10.98.0.2:6783' : 'UDP6-SENDTO:[fd98::2]:6783'
        topology.run(
          'A',
          `printf '${forged.replaceAll(/../g, (byte) => `\\${octal(byte)}`)}' | socat -u STDIN ${to}`,
        )
        await topology.waitFor('the count', () => event('B', 'dropUndecryptable') === before + 1)
        assert.ok(
          metric('B', 'weave_link_drops_total\\{peer="02:00:00:00:00:01",nickname="A",overlay="sleeve"\\}') >
            0,
        )
        assert.equal(event('B', 'rekeys'), 0, 'an hour has not passed')
      })
    })
  }
}

const octal = (byte: string): string => Number.parseInt(byte, 16).toString(8).padStart(3, '0')
