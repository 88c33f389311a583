import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { eventually, Lab } from './lab.ts'
import { inside, listen, meshed, overlays, tools } from './traffic.ts'

const HOSTS = [1, 2, 3] as const

/** How each host is launched, and which overlay the connections between them must then use. */
const NETWORKS: readonly {
  readonly title: string
  readonly flags: readonly (readonly string[])[]
  readonly overlay: RegExp
  readonly env?: string
}[] = [
  { title: 'fast datapath', flags: [[], [], []], overlay: /^fastdp fastdp$/ },
  { title: 'sleeve', flags: [['--no-fastdp'], ['--no-fastdp'], ['--no-fastdp']], overlay: /^sleeve sleeve$/ },
  {
    title: 'one host by sleeve, two by the fast datapath',
    flags: [[], ['--no-fastdp'], []],
    overlay: /fastdp/,
  },
  {
    title: 'encrypted with a password',
    flags: [
      ['--password', 'wolf-tundra-lantern-42'],
      ['--password', 'wolf-tundra-lantern-42'],
      ['--password', 'wolf-tundra-lantern-42'],
    ],
    overlay: /sleeve/,
  },
]

for (const network of NETWORKS) {
  describe(`three hosts, ${network.title}`, () => {
    let lab: Lab
    const address: Record<number, string> = {}

    before(async () => {
      lab = await Lab.up({ hosts: 3, tools: true })
      for (const host of HOSTS) {
        // The sizes below are those of a fixed MTU: it would follow the paths after a minute.
        const flags = ['--mtu', '1376', ...(network.flags[host - 1] ?? [])]
        await lab.weave(host, 'launch', ...flags, ...(host === 1 ? [] : ['host1']))
      }
      await meshed(lab, HOSTS, 2)
      for (const host of HOSTS) address[host] = await tools(lab, host, `box${host}`)
    })
    after(() => lab.down())

    test('connections use the overlay that both ends have', async () => {
      await eventually('the overlay', async () =>
        network.overlay.test([...(await overlays(lab, 1)).values()].join(' ')),
      )
    })

    test('every container has an address of its own, and reaches every other', async () => {
      assert.equal(new Set(Object.values(address)).size, 3)
      for (const from of HOSTS) {
        for (const to of HOSTS) await inside(lab, from, `box${from}`, `ping -c1 -W3 ${address[to]}`)
      }
    })

    test('TCP carries megabytes unharmed', async () => {
      await lab.docker(
        1,
        'exec',
        '-d',
        'box1',
        'sh',
        '-c',
        'exec socat -u TCP-LISTEN:7000,reuseaddr OPEN:/tmp/in,creat',
      )
      await inside(
        lab,
        3,
        'box3',
        `head -c 20000000 /dev/urandom >/tmp/out; socat -u OPEN:/tmp/out TCP:${address[1]}:7000,retry=20,interval=0.2`,
      )
      const sum = async (host: number, file: string): Promise<string> =>
        (await inside(lab, host, `box${host}`, `md5sum <${file}`)).trim()
      const sent = await sum(3, '/tmp/out')
      await eventually('all of it arrives', async () => (await sum(1, '/tmp/in')) === sent)
    })

    test('UDP datagrams of all sizes arrive, fragmented ones too', async () => {
      const read = await listen(lab, { host: 2, port: 7001 })
      for (const size of [1, 1348, 1349, 5000]) {
        await inside(
          lab,
          1,
          'box1',
          `head -c ${size} /dev/zero | tr '\\0' x | socat -u -b 65536 - UDP:${address[2]}:7001`,
        )
      }
      await eventually('four datagrams', async () => (await read()).length === 1 + 1348 + 1349 + 5000)
    })

    test('a broadcast reaches every other host once', async () => {
      const reads = await Promise.all(
        [2, 3].map((host) => listen(lab, { host, port: 7002, options: ',broadcast' })),
      )
      await inside(lab, 1, 'box1', 'echo to-all | socat -u - UDP-DATAGRAM:10.47.255.255:7002,broadcast')
      for (const read of reads) await eventually('the broadcast', async () => (await read()) !== '')
      for (const read of reads) assert.equal(await read(), 'to-all')
    })

    test('multicast reaches the members of the group on every host once', async () => {
      const group = '239.10.20.30'
      const reads = await Promise.all(
        [1, 3].map((host) =>
          listen(lab, { host, port: 7003, options: `,ip-add-membership=${group}:${address[host]}` }),
        ),
      )
      await inside(
        lab,
        2,
        'box2',
        `echo to-group | socat -u - UDP-DATAGRAM:${group}:7003,ip-multicast-if=${address[2]},ip-multicast-ttl=2`,
      )
      for (const read of reads) await eventually('the multicast', async () => (await read()) !== '')
      for (const read of reads) assert.equal(await read(), 'to-group')
    })

    test('a packet too big that must not be fragmented is refused, one of the right size passes', async () => {
      await inside(lab, 1, 'box1', `ping -c1 -W3 -M do -s 1348 ${address[3]}`)
      const refused = await lab.tryDocker(
        1,
        'exec',
        'box1',
        'ping',
        '-c1',
        '-W3',
        '-M',
        'do',
        '-s',
        '1349',
        address[3] ?? '',
      )
      assert.notEqual(refused.status, 0)
      assert.match(refused.stdout + refused.stderr, /mtu|too long|Frag needed/i)
    })
  })
}
