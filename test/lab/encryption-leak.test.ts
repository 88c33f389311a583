import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { eventually, Lab } from './lab.ts'
import { killDaemon } from './plugin-hosts.ts'
import { inside, meshed, overlays, tools } from './traffic.ts'

const PASSWORD = ['--password', 'wolf-tundra-lantern-42']
/** 16 bytes that nothing else on the LAN contains. */
const MARKER = '77656176656c65616b6d61726b657221'
const CAPTURE = '/tmp/weave-leak.pcap'

/**
 * The LAN's switch sees every frame between hosts. Containers talk all the time with a marker in every packet; with a
 * password it must never be seen there, whatever happens to the daemons and the paths.
 */
describe('what the LAN sees of containers', () => {
  let lab: Lab
  let target: string

  before(async () => {
    lab = await Lab.up({ hosts: 3, tools: true })
    await lab.weave(1, 'launch')
    await lab.weave(2, 'launch', 'host1')
    await lab.weave(3, 'launch', 'host1', 'host2')
    await meshed(lab, [1, 2, 3], 2)
    target = await tools(lab, 1, 'box1')
    for (const host of [2, 3]) {
      await tools(lab, host, `box${host}`)
      await chatter(lab, host, target)
    }
  })
  after(() => lab.down())

  test('without a password the marker is seen: the watch works', async () => {
    const seen = await watch(lab, () => answered(lab, 2, target))
    assert.ok(seen > 0, 'no marker on the LAN')
  })

  test('a restart with a password ends what the kernel forwards in clear, before the peers are back', async () => {
    for (const host of [1, 2, 3]) await lab.weave(host, 'stop')
    // Host 1 alone: the containers of the others go on sending, and the peers that the kernel knew are not back.
    for (const host of [2, 3]) await lab.weave(host, 'launch', '--resume', ...PASSWORD)
    const seen = await watch(lab, () => lab.weave(1, 'launch', '--resume', ...PASSWORD), [
      'host',
      '10.99.0.2',
    ])
    assert.equal(seen, 0)
    await meshed(lab, [1, 2, 3], 2)
  })

  for (const [what, act] of [
    ['traffic', async () => undefined],
    ['kill -9 of a daemon', () => killDaemon(lab, 2)],
    [
      'stop and launch --resume',
      async () => {
        await lab.weave(2, 'stop')
        await lab.weave(2, 'launch', '--resume', ...PASSWORD)
      },
    ],
    [
      'the change to sleeve and back',
      async () => {
        await lab.weave(2, 'stop')
        await lab.weave(2, 'launch', '--resume', '--no-fastdp', ...PASSWORD)
        await answered(lab, 2, target)
        await lab.weave(2, 'stop')
        await lab.weave(2, 'launch', '--resume', ...PASSWORD)
      },
    ],
    [
      'a cut link: frames are relayed by the third host',
      async () => {
        await lab.link(1, 2, 'down')
        await eventually('the detour', async () => !(await overlays(lab, 2)).has('host1'), 100_000)
        await answered(lab, 2, target)
        await lab.link(1, 2, 'up')
        await eventually('the direct connection', async () => (await overlays(lab, 2)).has('host1'), 60_000)
      },
    ],
  ] as const) {
    test(`with a password no marker is seen during: ${what}`, async () => {
      const seen = await watch(lab, async () => {
        await act()
        await meshed(lab, [1, 2, 3], 2)
        await answered(lab, 2, target)
        await answered(lab, 3, target)
      })
      assert.equal(seen, 0)
    })
  }

  test('every connection is encrypted in the end', async () => {
    for (const host of [1, 2, 3])
      assert.doesNotMatch(await lab.weave(host, 'status', 'connections'), /unencrypted/)
  })
})

/** Packets with the marker, 20 a second, for as long as the container lives. */
async function chatter(lab: Lab, host: number, target: string): Promise<void> {
  await lab.docker(host, 'exec', '-d', `box${host}`, 'ping', '-q', '-i0.05', '-p', MARKER, '-s200', target)
}

/** Resolves when the container has had answers. */
async function answered(lab: Lab, host: number, target: string): Promise<void> {
  await eventually(
    `answers for box${host}`,
    async () => {
      await inside(lab, host, `box${host}`, `ping -c3 -i0.2 -W2 -p ${MARKER} -s200 ${target}`)
      return true
    },
    60_000,
  )
}

/** How often the marker was on the LAN while `act` ran. */
async function watch(lab: Lab, act: () => Promise<unknown>, filter: readonly string[] = []): Promise<number> {
  const file = `${CAPTURE}.${lab.name}`
  await lab.hosts([
    'run',
    '0',
    'watch',
    'tcpdump',
    '-Z',
    'root',
    '-U',
    '--immediate-mode',
    '-ni',
    'lan',
    '-w',
    file,
    ...filter,
  ])
  await eventually('tcpdump listens', async () =>
    (await lab.hosts(['log', '0', 'watch'])).stdout.includes('listening'),
  )
  try {
    await act()
  } finally {
    await lab.hosts(['stop', '0', 'watch'])
  }
  const found = await lab.sh(0, `LC_ALL=C grep -aoF weaveleakmarker! ${file} | wc -l; rm -f ${file}`)
  return Number(found)
}
