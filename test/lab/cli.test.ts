import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { eventually, Lab, type Outcome } from './lab.ts'

let lab: Lab

before(async () => {
  lab = await Lab.up({ hosts: 2 })
})

after(() => lab?.down())

const weave = (host: number, ...words: readonly string[]): Promise<Outcome> => lab.tryWeave(host, ...words)
const lastLine = ({ stderr }: Outcome): string => stderr.trimEnd().split('\n')[0] ?? ''

/** Binds a port for as long as `run` takes. */
async function occupied(
  kind: 'STREAM' | 'DGRAM',
  address: string,
  port: number,
  run: () => Promise<void>,
): Promise<void> {
  const program =
    kind === 'STREAM'
      ? `require('node:net').createServer().listen(${port}, '${address}')`
      : `require('node:dgram').createSocket('udp4').bind(${port}, '${address}')`
  await lab.hosts(['run', '1', 'occupant', process.execPath, '-e', program])
  try {
    await eventually('the port is taken', async () => {
      const { stdout } = await lab.try(1, ['ss', '-Hlntu', `sport = :${port}`])
      return stdout !== ''
    })
    await run()
  } finally {
    await lab.hosts(['stop', '1', 'occupant', 'KILL'])
  }
}

const refusedLaunch = (name: string, words: readonly string[], message: RegExp): void => {
  test(`launch is refused with one line: ${name}`, async () => {
    const outcome = await weave(1, 'launch', ...words)
    assert.equal(outcome.status, 1, outcome.stderr)
    assert.match(lastLine(outcome), message)
    assert.equal(outcome.stdout, '')
    assert.equal((await lab.try(1, ['pgrep', '-f', 'weave-supervisor'])).stdout, '', 'a supervisor is left')
  })
}

refusedLaunch('unknown flag', ['--nope'], /^flag provided but not defined: --nope$/)
refusedLaunch(
  'a range with host bits',
  ['--ipalloc-range', '10.32.0.1/12'],
  /^--ipalloc-range: 10.32.0.1\/12 has bits set/,
)
refusedLaunch('a peer that does not resolve', ['nosuch.invalid'], /^lookup nosuch.invalid: /)
refusedLaunch(
  'control for everybody',
  ['--http-addr', '0.0.0.0:6784'],
  /^--http-addr: 0.0.0.0:6784 would let everybody/,
)
refusedLaunch('peers with --resume', ['--resume', 'host2'], /^--resume connects to the peers of last time/)

for (const [name, kind, address, port, message] of [
  ['TCP port of the mesh', 'STREAM', '0.0.0.0', 6783, /^cannot listen on TCP :6783: address already in use/],
  ['UDP port of sleeve', 'DGRAM', '0.0.0.0', 6783, /^sleeve cannot start on weave-sleeve, UDP port 6783/],
  [
    'control port',
    'STREAM',
    '127.0.0.1',
    6784,
    /^cannot serve the control API on 127.0.0.1:6784: another program/,
  ],
  ['DNS port', 'DGRAM', '172.17.0.1', 53, /^Unable to start dns server: listen udp 172.17.0.1:53/],
] as const) {
  test(`launch is refused with one line when somebody has the ${name}`, () =>
    occupied(kind, address, port, async () => {
      const outcome = await weave(1, 'launch')
      assert.equal(outcome.status, 1)
      assert.match(lastLine(outcome), message)
    }))
}

test('a default range that hides a route of the host is refused, one that was asked for only warned about', async () => {
  await lab.exec(1, ['ip', 'route', 'add', '10.40.0.0/16', 'dev', 'eth0'])
  const refused = await weave(1, 'launch')
  assert.equal(refused.status, 1)
  assert.match(
    refused.stderr,
    /^Network 10.32.0.0\/12 overlaps with existing route 10.40.0.0\/16 on host\nERROR: Default/,
  )
  const warned = await weave(1, 'launch', '--ipalloc-range', '10.40.0.0/16')
  assert.equal(warned.status, 0)
  assert.match(warned.stderr, /WARNING: Specified --ipalloc-range 10.40.0.0\/16 overlaps/)
  await lab.weave(1, 'reset')
  await lab.exec(1, ['ip', 'route', 'del', '10.40.0.0/16'])
})

test('a full disk for the state is said before anything is started', async () => {
  await lab.sh(
    1,
    'mkdir -p /mnt/full && mount -t tmpfs -o size=16k tmpfs /mnt/full && head -c 16384 /dev/zero > /mnt/full/x',
  )
  const outcome = await weave(1, 'launch', '--state-dir', '/mnt/full/weave')
  assert.equal(outcome.status, 1)
  assert.match(lastLine(outcome), /^no space for the state in \/mnt\/full\/weave: 0 kB free/)
})

test('only root may launch, everybody may ask', async () => {
  const asNobody = (...words: readonly string[]): Promise<Outcome> =>
    lab.try(1, ['setpriv', '--reuid', '65534', '--clear-groups', 'bin/weave', ...words])
  const outcome = await asNobody('launch')
  assert.equal(outcome.status, 1)
  assert.equal(outcome.stderr, "weave must be run as 'root' when run locally\n")
})

test('two hosts are launched, the second launch says so, and peers are shown', async () => {
  const launched = await weave(1, 'launch')
  assert.equal(launched.status, 0, launched.stderr)
  assert.match(launched.stdout, /^[0-9a-f]{64}\n$/)
  assert.equal(launched.stderr, '')

  const second = await weave(1, 'launch')
  assert.equal(second.status, 3)
  assert.equal(second.stderr, "weave is already running; you can stop it with 'weave stop'.\n")

  await lab.weave(2, 'launch')
  await lab.weave(2, 'connect', 'host1')
  await eventually('both see the connection', async () =>
    /-> 10\.99\.0\.1:6783 +established/.test(await lab.weave(2, 'status', 'connections')),
  )
  assert.match(await lab.weave(2, 'status', 'targets'), /^host1$/)
})

test('a killed daemon is back within a second, with its peers, and containers keep their addresses', async () => {
  await lab.docker(1, 'run', '-d', '--name', 'kept', '--net=weave', 'busybox', 'sleep', '1000')
  const before = await lab.weave(1, 'ps', 'kept')
  const took = await lab.sh(
    1,
    `kill -9 $(pgrep -P $(cat /var/run/weave/supervisor.pid)); begin=$(date +%s%3N)
     until curl -sf -o /dev/null --unix-socket /var/run/weave/control.sock http://localhost/status; do :; done
     echo $(($(date +%s%3N) - begin))`,
  )
  assert(Number(took) < 3000, `${took} ms; on an idle machine it takes 400`)
  assert.equal(await lab.weave(1, 'ps', 'kept'), before)
  await eventually('the peers are back', async () =>
    (await lab.weave(1, 'status', 'connections')).includes('established'),
  )
  const fresh = await lab.docker(
    1,
    'run',
    '--rm',
    '--net=weave',
    'busybox',
    'ip',
    '-4',
    '-o',
    'addr',
    'show',
    'ethwe0',
  )
  const [, , address] = before.split(' ')
  assert(address !== undefined && !fresh.includes(`${address} `), 'the address was given out twice')
  await lab.docker(1, 'rm', '-f', 'kept')
})

test('JSON pages are JSON, templates are rendered, metrics are served', async () => {
  const connections = JSON.parse(await lab.weave(1, 'status', 'connections', '--json')) as { State: string }[]
  assert.equal(connections[0]?.State, 'established')
  assert.equal(
    await lab.weave(1, 'report', '-f', '{{range .Router.Peers}}{{.NickName}},{{end}}'),
    'host2,host1,',
  )
  const metrics = await lab.sh(1, 'curl -sf 127.0.0.1:6782/metrics')
  assert.match(
    metrics,
    /^weave_connections\{encryption="",state="established",type="(?:fastdp|sleeve)"\} 1$/m,
  )
})

test('a web page that points its name at us gets nothing', async () => {
  const status = await lab.sh(
    1,
    'curl -s -o /dev/null -w "%{http_code}" -H "Host: evil.example" -X POST "127.0.0.1:6784/connect?peer=10.0.0.1"',
  )
  assert.equal(status, '403')
})

test('failures of commands about containers name the container and change nothing', async () => {
  for (const words of [
    ['attach', 'nosuch'],
    ['detach', 'nosuch'],
  ]) {
    const outcome = await weave(1, ...words)
    assert.equal(outcome.status, 1)
    assert.equal(outcome.stderr, 'unable to inspect container nosuch: No such container: nosuch\n')
  }
  const named = await weave(1, 'dns-add', 'nosuch', '-h', 'x.weave.local')
  assert.equal(named.status, 1)
  assert.equal(named.stderr, 'nosuch container is not present. Have you launched it?\n')
})

test('with Docker down the daemon lives, says so, and finds it again', async () => {
  await lab.hosts(['dockerd', '1', 'stop'])
  await eventually('the problem is shown', async () =>
    (await lab.weave(1, 'status')).includes('Problem: Docker does not answer'),
  )
  const outcome = await weave(1, 'attach', 'x')
  assert.equal(outcome.status, 1)
  assert.match(outcome.stderr, /^Docker does not answer/)
  await lab.hosts(['dockerd', '1', 'start'])
  await eventually(
    'the problem is gone',
    async () => !(await lab.weave(1, 'status')).includes('Problem:'),
    60_000,
  )
})

test('stop, resume and reset', async () => {
  await lab.weave(2, 'stop')
  assert.equal((await weave(2, 'status')).stderr, 'weave container is not running.\n')
  assert.equal((await weave(2, 'stop')).stderr, 'Weave is not running (ignore on Kubernetes).\n')
  await lab.weave(2, 'launch', '--resume')
  assert.equal(await lab.weave(2, 'status', 'targets'), 'host1')
  await lab.weave(2, 'stop')
  const refused = await weave(2, 'reset')
  assert.equal(refused.status, 1)
  assert.match(refused.stderr, /^ERROR: weave is not running; unable to remove from cluster\.\n/)
  await lab.weave(2, 'reset', '--force')
  assert.equal((await weave(2, 'status')).stderr, 'weave container is not present. Have you launched it?\n')
})
