import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { eventually, Lab, type Outcome } from './lab.ts'

/** Each command as somebody types it, where it cannot do what was asked: message, status, nothing half done. */

let lab: Lab

before(async () => {
  lab = await Lab.up({ hosts: 1 })
})

after(() => lab?.down())

const weave = (...words: readonly string[]): Promise<Outcome> => lab.tryWeave(1, ...words)
const ABSENT = 'weave container is not present. Have you launched it?\n'
const STOPPED = 'weave container is not running.\n'

/** Commands that talk to the daemon, with the status of its absence (cli §0.3). */
const commands: readonly (readonly [words: readonly string[], status: number])[] = [
  [['report'], 7],
  [['report', '-f', '{{.Version}}'], 7],
  [['prime'], 7],
  [['connect', '10.99.0.2'], 7],
  [['forget', '10.99.0.2'], 7],
  [['expose'], 7],
  [['hide'], 7],
  [['attach', 'c1'], 7],
  [['detach', 'c1'], 7],
  [['status'], 1],
  [['status', 'connections'], 1],
  [['status', '--json'], 1],
  [['rmpeer', 'a', 'b'], 1],
  [['config'], 1],
]

async function fails(words: readonly string[], status: number, stderr: string): Promise<void> {
  const outcome = await weave(...words)
  assert.equal(outcome.status, status, words.join(' '))
  // `rmpeer` says it of each peer.
  assert.equal(outcome.stderr.split('\n').slice(0, 1).join(), stderr.trimEnd(), words.join(' '))
}

test('before the first launch every command says that weave is not there', async () => {
  for (const [words, status] of commands) await fails(words, status, ABSENT)
  await fails(['dns-add', '10.1.1.1', '-h', 'a.weave.local'], 1, ABSENT)
  for (const words of [['dns-args'], ['dns-lookup', 'a']]) {
    assert.deepEqual(await weave(...words), { status: 7, stdout: '', stderr: '' })
  }
  assert.deepEqual(await weave('env'), { status: 0, stdout: '', stderr: ABSENT })
  assert.deepEqual(await weave('ps'), { status: 0, stdout: '', stderr: '' })
  assert.equal((await weave('version')).status, 0)
})

test('commands that change the host need root, those that ask do not', async () => {
  const asNobody = (...words: readonly string[]): Promise<Outcome> =>
    lab.try(1, ['setpriv', '--reuid', '65534', '--clear-groups', 'bin/weave', ...words])
  for (const command of ['launch', 'stop', 'reset']) {
    assert.deepEqual(await asNobody(command), {
      status: 1,
      stdout: '',
      stderr: "weave must be run as 'root' when run locally\n",
    })
  }
  assert.equal((await asNobody('help')).status, 0)
})

test('launched as in 1.x, the plugin added later, all options passed on', async () => {
  await lab.weave(1, 'launch-router', '--no-dns', '--log-level=debug')
  assert.match(await lab.weave(1, 'status'), /^(?![\s\S]*plugin)(?![\s\S]*Service: dns)/)
  const added = await weave('launch-plugin', '--mesh-network-name=', '--no-multicast-route')
  assert.equal(added.status, 0, added.stderr)
  assert.match(await lab.weave(1, 'status'), /plugin \(legacy\)/)
  assert.equal(await lab.docker(1, 'network', 'ls', '-q', '-f', 'name=weave'), '')
  assert.equal((await weave('launch-plugin')).status, 3)
  await lab.weave(1, 'stop')
  for (const [words, status] of commands) await fails(words, status, STOPPED)
  await fails(['dns-add', '10.1.1.1', '-h', 'a.weave.local'], 2, STOPPED)
  await lab.weave(1, 'reset', '--force')
})

test('wrong arguments and unknown things are named, and nothing is changed', async () => {
  await lab.weave(1, 'launch')
  const before = await lab.weave(1, 'report', '-f', '{{json .IPAM}} {{json .DNS}} {{json .Router.Targets}}')
  for (const [words, status, stderr] of [
    [['status', 'nosuch'], 1, "Invalid 'weave status' sub-command: nosuch"],
    [['connect', 'nosuch.invalid'], 1, /^lookup nosuch\.invalid/],
    [['attach', 'nosuch'], 1, 'unable to inspect container nosuch: No such container: nosuch'],
    [
      ['attach', 'net:10.99.0.0/24', 'nosuch'],
      1,
      'unable to inspect container nosuch: No such container: nosuch',
    ],
    [['detach', 'nosuch'], 1, 'unable to inspect container nosuch: No such container: nosuch'],
    [['expose', 'net:10.32.0.1/24'], 1, /^invalid subnet - bits after network prefix are not all zero/],
    [['expose', 'net:192.168.0.0/24'], 1, /^range 192\.168\.0\.0\/24 out of bounds: 10\.32\.0\.0\/12/],
    [
      ['dns-add', 'nosuch', '-h', 'x.weave.local'],
      1,
      'nosuch container is not present. Have you launched it?',
    ],
    [['report', '-f', '{{.Nope'], 1, /^template: format:1: /],
    [['report', '-f', '{{.Nope}}'], 1, 'error during template execution'],
    [['report', '--bundle', '/nonexistent/x'], 1, /^cannot write the bundle: ENOENT/],
  ] as const) {
    const outcome = await weave(...words)
    assert.equal(outcome.status, status, words.join(' '))
    const [first = ''] = outcome.stderr.split('\n')
    if (typeof stderr === 'string') assert.equal(first, stderr, words.join(' '))
    else assert.match(first, stderr, words.join(' '))
  }
  const nobody = await weave('rmpeer', 'nobody', '00:00:00:00:00:99')
  assert.deepEqual(nobody, {
    status: 0,
    stdout: '0 IPs taken over from nobody\n0 IPs taken over from 00:00:00:00:00:99\n',
    stderr: '',
  })
  const after = await lab.weave(1, 'report', '-f', '{{json .IPAM}} {{json .DNS}} {{json .Router.Targets}}')
  assert.equal(after, before)
})

test('changes are shown while they happen, as pages and as lines of JSON', async () => {
  const seen = await lab.sh(
    1,
    `bin/weave status --watch --json > /tmp/watch.$$ & watcher=$!
     trap 'kill $watcher; rm -f /tmp/watch.$$' EXIT
     until grep -q '"ready":true' /tmp/watch.$$; do sleep 0.05; done
     bin/weave dns-add 192.0.2.9 -h late.weave.local
     until grep -q late /tmp/watch.$$; do sleep 0.05; done
     grep late /tmp/watch.$$`,
  )
  const event = JSON.parse(seen) as Readonly<Record<string, unknown>>
  assert.equal(event['change'], 'added')
  assert.equal(event['address'], '192.0.2.9')
})

test('containers of either network cannot reach the control, status or metrics ports', async () => {
  await lab.weave(1, 'expose')
  const exposed = (await lab.weave(1, 'ps', 'weave:expose')).split(' ')[2]?.split('/')[0] ?? ''
  assert.match(exposed, /^10\.3/)
  for (const network of ['weave', 'bridge']) {
    for (const address of [exposed, '172.17.0.1', '10.99.0.1', '127.0.0.1']) {
      for (const port of [6784, 6782]) {
        const url = `http://${address}:${port}/status`
        const asked = await lab.tryDocker(
          1,
          'run',
          '--rm',
          `--net=${network}`,
          'busybox',
          'wget',
          '-T',
          '2',
          '-qO-',
          url,
        )
        assert.notEqual(asked.status, 0, `${network}: ${url}`)
        assert(!asked.stdout.includes('Version'), `${network}: ${url}`)
      }
    }
  }
  const local = await lab.sh(1, 'curl -sf 127.0.0.1:6784/status')
  assert.match(local, /Version/)
})

test('a web page, and a name that is pointed at this host, are refused by every method', async () => {
  const status = (line: string): Promise<string> =>
    lab.sh(1, `curl -s -o /dev/null -w '%{http_code}' ${line}`)
  for (const address of ['127.0.0.1:6784', '127.0.0.1:6782']) {
    assert.equal(await status(`-H 'Host: evil.example' ${address}/report`), '403')
    assert.equal(await status(`-H 'Host: evil.example:6784' ${address}/events`), '403')
    assert.equal(await status(`-H 'Origin: http://evil.example' ${address}/status`), '403')
    assert.equal(await status(`-H 'Host: localhost:6784' ${address}/status`), '200')
  }
  assert.equal(await status(`-X POST -H 'Origin: null' '127.0.0.1:6784/connect?peer=10.0.0.1'`), '403')
  assert.equal(await lab.weave(1, 'status', 'targets'), '')
})

test('--http-addr, --status-addr and --metrics-addr each serve what they should, on ports and on sockets', async () => {
  await lab.weave(1, 'stop')
  await lab.weave(
    1,
    ...['launch', '--http-addr', '/run/w.sock', '--status-addr', '127.0.0.1:7001', '--metrics-addr', ':7002'],
  )
  const code = (line: string): Promise<string> =>
    lab.sh(1, `curl -s -o /dev/null -w '%{http_code}' ${line} || true`)
  assert.equal(await code('--unix-socket /run/w.sock http://x/domain'), '200')
  assert.equal(await code('127.0.0.1:6784/status'), '000')
  assert.equal(await code('127.0.0.1:7001/report?format=x'), '200')
  assert.equal(await code('127.0.0.1:7001/domain'), '404')
  assert.equal(await code('127.0.0.1:7002/metrics'), '200')
  assert.equal(await code('127.0.0.1:7002/status'), '404')
  const throughSocket = await lab.sh(1, 'WEAVE_HTTP_ADDR=/run/w.sock bin/weave status targets; echo done')
  assert.equal(throughSocket, 'done')
})

test('the bundle of a running daemon has all parts and not its password', async () => {
  await lab.weave(1, 'stop')
  const password = 'a secret of this test only'
  await lab.sh(1, `WEAVE_PASSWORD='${password}' bin/weave launch`)
  const names = await lab.sh(
    1,
    'bin/weave report --bundle /run/b.tar.gz >/dev/null && tar -tzf /run/b.tar.gz',
  )
  for (const name of [
    'status.txt',
    'report.json',
    'metrics.txt',
    'weave.log',
    'doctor.json',
    'launch.json',
  ]) {
    assert(names.includes(`/${name}`), name)
  }
  assert(!names.includes('missing.txt'), names)
  const all = await lab.sh(1, 'tar -xzOf /run/b.tar.gz')
  assert(!all.includes(password))
  assert(all.includes('is encrypted'))
})

test('with Docker down commands that need it say so, and the others work', async () => {
  await lab.hosts(['dockerd', '1', 'stop'])
  await eventually('the problem is shown', async () =>
    (await lab.weave(1, 'status')).includes('Problem: Docker does not answer'),
  )
  for (const words of [
    ['attach', 'c1'],
    ['detach', 'c1'],
  ]) {
    const outcome = await weave(...words)
    assert.equal(outcome.status, 1)
    assert.match(outcome.stderr, /^Docker does not answer/)
  }
  assert.equal((await weave('ps')).status, 0)
  assert.equal((await weave('expose')).status, 0)
  assert.equal((await weave('stop')).status, 0)
})
