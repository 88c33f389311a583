import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { eventually, Lab } from './lab.ts'
import { addressOf, run } from './plugin-hosts.ts'
import { overlays } from './traffic.ts'

/** The original's daemon, 2.8.x: containers talk across it and through it by sleeve, in clear and sealed. */
const original = process.env['WEAVE_ORIGINAL']
const skip = original === undefined ? 'not run: WEAVE_ORIGINAL names no daemon of Weave Net 2.8.x' : false

/** Host 1 runs the original; 2 and 3 run ours, 2 with the switch in the kernel, and meet only through host 1. */
const ORIGINAL = 1
const KERNEL_SWITCH = 2
const OWN_SWITCH = 3
const ALL = [ORIGINAL, KERNEL_SWITCH, OWN_SWITCH] as const

async function startOriginal(lab: Lab, password: readonly string[]): Promise<void> {
  const flags = [
    ...['--plugin', '--no-dns', '--port', '6783', '--nickname', 'host1', '--no-fastdp'],
    ...['--ipalloc-range', '10.32.0.0/12', '--http-addr', '127.0.0.1:6784'],
    ...['--db-prefix', '/var/lib/weave/weave', '--docker-api', 'unix:///var/run/docker.sock', ...password],
  ]
  const start = 'mkdir -p /var/lib/weave /run/weave /run/docker/plugins; cd /run/weave; exec "$@"'
  const command = ['env', 'CHECKPOINT_DISABLE=1', original ?? '', ...flags]
  await lab.hosts(['run', `${ORIGINAL}`, 'original', 'sh', '-c', start, 'sh', ...command])
  await eventually('the original is ready', () => answers(lab, ORIGINAL))
}

const answers = async (lab: Lab, host: number): Promise<boolean> =>
  (await lab.try(host, ['curl', '-sf', 'http://127.0.0.1:6784/status'])).status === 0

for (const [label, password, mtu] of [
  ['in clear', [], 1438],
  ['with a password', ['--password', 'correct-horse-battery-staple'], 1414],
] as const) {
  describe(`sleeve with the original in the middle, ${label}`, { skip }, () => {
    let lab: Lab
    const addresses = new Map<number, string>()

    before(async () => {
      lab = await Lab.up({ hosts: 3 })
      await lab.link(KERNEL_SWITCH, OWN_SWITCH, 'down')
      await startOriginal(lab, password)
      await lab.weave(KERNEL_SWITCH, 'launch', ...password, 'host1')
      await lab.weave(OWN_SWITCH, 'launch', '--no-fastdp', ...password, 'host1')
      for (const host of ALL) {
        await eventually('all three are one network', async () =>
          (await lab.sh(host, 'curl -sf http://127.0.0.1:6784/status')).includes('Peers: 3'),
        )
      }
      for (const host of ALL) {
        await run(lab, host, `c${host}`, '--net=weave')
        addresses.set(host, await addressOf(lab, host, `c${host}`))
      }
    })
    after(() => lab?.down())

    const inside = (host: number, line: string): Promise<string> =>
      lab.docker(host, 'exec', `c${host}`, 'sh', '-c', line)

    test('ours and the original agree on sleeve and on the MTU', async () => {
      for (const host of [KERNEL_SWITCH, OWN_SWITCH]) {
        assert.equal((await overlays(lab, host)).get('host1'), 'sleeve')
        await eventually('the MTU is known', async () =>
          (await lab.weave(host, 'status', 'connections')).includes(`mtu=${mtu}`),
        )
      }
      await eventually('the original knows it too', async () => {
        const lines = await lab.sh(ORIGINAL, 'curl -sf http://127.0.0.1:6784/status/connections')
        return lines.split(`mtu=${mtu}`).length === 3
      })
    })

    test('each container reaches each other, small and large', async () => {
      for (const from of ALL) {
        for (const to of ALL.filter((host) => host !== from)) {
          // The first large packet of a container of the original teaches it the MTU.
          await inside(from, `ping -c1 -W2 -s4000 ${addresses.get(to)} || true`)
          await inside(from, `ping -c2 -W2 ${addresses.get(to)} && ping -c2 -W2 -s4000 ${addresses.get(to)}`)
        }
      }
    })

    test('TCP arrives byte for byte, to the original and through it', async () => {
      for (const host of ALL) {
        await inside(host, 'mkdir /w; dd if=/dev/urandom of=/w/f bs=1M count=8 2>&1; httpd -p 80 -h /w')
      }
      for (const from of ALL) {
        for (const to of ALL.filter((host) => host !== from)) {
          const [sent] = (await inside(to, 'md5sum </w/f')).split(' ')
          const [got] = (await inside(from, `wget -q -O - http://${addresses.get(to)}/f | md5sum`)).split(' ')
          assert.equal(got, sent, `host${to} to host${from}`)
        }
      }
    })
  })
}
