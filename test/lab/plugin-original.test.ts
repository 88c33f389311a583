import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { eventually, Lab } from './lab.ts'
import { addressOf, cables, owned, pings, run } from './plugin-hosts.ts'

/** The original's daemon, 2.8.x; its containers and networks are taken over in place. */
const original = process.env['WEAVE_ORIGINAL']
const skip = original === undefined ? 'not run: WEAVE_ORIGINAL names no daemon of Weave Net 2.8.x' : false

let lab: Lab

before(async () => {
  if (skip !== false) return
  lab = await Lab.up({ hosts: 2 })
  await startOriginal(1)
  await startOriginal(2, 'host1')
  await run(lab, 1, 'old', '--net=weave')
  await run(lab, 1, 'asleep', '--net=weave')
  await lab.docker(1, 'stop', '-t', '0', 'asleep')
  await run(lab, 2, 'far', '--net=weave')
  const ipv6 = ['--ipv6', '--subnet', '10.42.0.0/16', '--subnet', 'fd00:1::/64']
  await lab.docker(1, 'network', 'create', '-d', 'weavemesh', '--ipam-driver', 'weavemesh', ...ipv6, 'both')
})
after(() => lab?.down())

async function startOriginal(host: number, ...peers: string[]): Promise<void> {
  const dockerFlags = ['--plugin', '--docker-bridge', 'docker0', '--dns-listen-address', '172.17.0.1:53']
  const flags = [
    ...dockerFlags,
    ...['--port', '6783', '--nickname', `host${host}`, '--no-fastdp', '--ipalloc-range', '10.32.0.0/12'],
    ...[
      '--resolv-conf',
      '/etc/resolv.conf',
      '--http-addr',
      '127.0.0.1:6784',
      '--db-prefix',
      '/var/lib/weave/weave',
    ],
    ...['--docker-api', 'unix:///var/run/docker.sock'],
    ...peers,
  ]
  const start = 'mkdir -p /var/lib/weave /run/weave /run/docker/plugins; cd /run/weave; exec "$@"'
  const command = ['env', 'CHECKPOINT_DISABLE=1', original ?? '', ...flags]
  await lab.hosts(['run', `${host}`, 'original', 'sh', '-c', start, 'sh', ...command])
  await eventually('the original is ready', () => answers(host))
}

const answers = async (host: number): Promise<boolean> =>
  (await lab.try(host, ['curl', '-sf', 'http://127.0.0.1:6784/status'])).status === 0
const networkId = (): Promise<string> => lab.docker(1, 'network', 'inspect', '-f', '{{.Id}}', 'weave')

test('in place of the original: networks, running and stopped containers go on, no address is given twice', {
  skip,
}, async () => {
  const address = await addressOf(lab, 1, 'old')
  const id = await networkId()
  await lab.hosts(['stop', '1', 'original'])
  await lab.weave(1, 'launch', '--no-fastdp', 'host2')

  assert.equal(await networkId(), id)
  await eventually('the address is held', async () => (await owned(lab, 1)).has(address))
  await run(lab, 1, 'new', '--net=weave')
  assert.notEqual(await addressOf(lab, 1, 'new'), address)
  await lab.docker(1, 'start', 'asleep')
  const far = await addressOf(lab, 2, 'far')
  for (const name of ['old', 'new', 'asleep']) {
    await eventually(`${name} reaches the original's container`, () => pings(lab, 1, name, far))
  }
})

test('what the original made is restarted and removed without a trace', { skip }, async () => {
  await lab.docker(1, 'restart', '-t', '0', 'old')
  await lab.docker(1, 'network', 'rm', 'both')
  await lab.docker(1, 'rm', '-f', 'old', 'new', 'asleep')
  assert.deepEqual(await cables(lab, 1), [])
  assert.deepEqual([...(await owned(lab, 1)).keys()], [])
})

test('--ip that the original has on the other host is refused', { skip }, async () => {
  const far = await addressOf(lab, 2, 'far')
  const outcome = await lab.tryDocker(1, 'run', '--rm', '--net=weave', '--ip', far, 'busybox', 'true')
  assert.notEqual(outcome.status, 0)
  assert.match(outcome.stderr, /owned by other peer/)
})
