import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { eventually, Lab } from './lab.ts'

/** The original's daemon, 2.8.x: names cross in both directions, and through it. */
const original = process.env['WEAVE_ORIGINAL']
const skip = original === undefined ? 'not run: WEAVE_ORIGINAL names no daemon of Weave Net 2.8.x' : false

/** Host 1 runs the original; 2 and 3 run ours and reach each other only through host 1. */
const ORIGINAL = 1
const OURS = [2, 3] as const
const ALL = [ORIGINAL, ...OURS] as const

let lab: Lab

before(async () => {
  if (skip !== false) return
  lab = await Lab.up({ hosts: 3 })
  await lab.link(2, 3, 'down')
  await startOriginal()
  for (const host of OURS) await lab.weave(host, 'launch', '--no-fastdp', 'host1')
  for (const host of ALL) {
    await eventually('all three are one network', async () => {
      return (await lab.sh(host, 'curl -sf http://127.0.0.1:6784/status')).includes('Peers: 3')
    })
  }
})
after(() => lab?.down())

async function startOriginal(): Promise<void> {
  const flags = [
    ...['--port', '6783', '--nickname', 'host1', '--no-fastdp', '--ipalloc-range', '10.32.0.0/12'],
    ...['--docker-bridge', 'docker0', '--dns-listen-address', '172.17.0.1:53'],
    ...['--resolv-conf', '/etc/resolv.conf', '--http-addr', '127.0.0.1:6784', '--docker-api', ''],
    ...['--db-prefix', '/var/lib/weave/weave'],
  ]
  const start = 'mkdir -p /var/lib/weave /run/weave; cd /run/weave; exec "$@"'
  const command = ['env', 'CHECKPOINT_DISABLE=1', original ?? '', ...flags]
  await lab.hosts(['run', `${ORIGINAL}`, 'original', 'sh', '-c', start, 'sh', ...command])
  await eventually('the original is ready', () => isUp(ORIGINAL))
}

const isUp = async (host: number): Promise<boolean> =>
  (await lab.try(host, ['curl', '-sf', 'http://127.0.0.1:6784/status'])).status === 0

/** One request to a host's API. */
const api = (host: number, method: string, path: string): Promise<string> =>
  lab.sh(host, `curl -sf -X ${method} "http://127.0.0.1:6784${path}"`)

/** What a host answers for a name, sorted. */
async function dig(host: number, ...question: readonly string[]): Promise<string> {
  const { stdout } = await lab.try(host, ['dig', '@172.17.0.1', '+short', '+time=1', '+tries=1', ...question])
  return stdout.trim().split('\n').sort().join(' ')
}

const everywhere = (what: string, answer: string, ...question: readonly string[]): Promise<unknown> =>
  Promise.all(
    ALL.map((host) =>
      eventually(`${what} on host${host}`, async () => (await dig(host, ...question)) === answer),
    ),
  )

test('names of the original and of ours are answered by all', { skip }, async () => {
  for (const host of ALL) await api(host, 'PUT', `/name/c${host}/10.40.0.${host}?fqdn=web.weave.local`)
  await everywhere('web', '10.40.0.1 10.40.0.2 10.40.0.3', 'web.weave.local')
  await everywhere('the address', 'web.weave.local.', '-x', '10.40.0.2')
})

test('what one removes is gone for all', { skip }, async () => {
  await api(ORIGINAL, 'DELETE', '/name/c1/10.40.0.1')
  await everywhere('web', '10.40.0.2 10.40.0.3', 'web.weave.local')
  await api(2, 'DELETE', '/name/c2')
  await everywhere('web', '10.40.0.3', 'web.weave.local')
  await api(2, 'PUT', '/name/c2/10.40.0.2?fqdn=web.weave.local')
  await everywhere('web', '10.40.0.2 10.40.0.3', 'web.weave.local')
})

test('two spellings of a name, which kill an original beside an original, do it no harm', {
  skip,
}, async () => {
  for (const name of ['case', 'CASE', 'case', 'Case']) {
    await api(3, 'PUT', `/name/c3/10.40.0.33?fqdn=${name}.weave.local`)
  }
  await everywhere('case', '10.40.0.33', 'Case.weave.local')
  // More than a round of the periodic gossip of the whole table.
  await lab.sh(ORIGINAL, 'sleep 35')
  assert.equal(await isUp(ORIGINAL), true)
  await api(3, 'DELETE', '/name/c3/10.40.0.33?fqdn=case.weave.local')
  await everywhere('case', '', 'case.weave.local')
})

test('records by hand, which the original does not know, cross it', { skip }, async () => {
  await api(2, 'PUT', '/record/www.weave.local/CNAME?value=web.weave.local')
  await eventually(
    'www on host3',
    async () => {
      return (await dig(3, 'www.weave.local')) === '10.40.0.2 10.40.0.3 web.weave.local.'
    },
    60_000,
  )
  assert.equal(await isUp(ORIGINAL), true)
})

test('after a restart of ours the original believes what is true now', { skip }, async () => {
  await lab.weave(3, 'stop')
  await everywhereBut(3, '10.40.0.2')
  await lab.weave(3, 'launch', '--no-fastdp', 'host1')
  await everywhere('web', '10.40.0.2 10.40.0.3', 'web.weave.local')
})

const everywhereBut = (gone: number, answer: string): Promise<unknown> =>
  Promise.all(
    ALL.filter((host) => host !== gone).map((host) =>
      eventually(`web on host${host}`, async () => (await dig(host, 'web.weave.local')) === answer, 90_000),
    ),
  )
