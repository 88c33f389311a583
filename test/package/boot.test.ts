import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { eventually, Lab, type Outcome } from '../lab/lab.ts'
import { projectFile } from '../support/project.ts'

/** A host whose first process is systemd, with Debian's docker.service: installed, booted, activated, reset. */

let lab: Lab

before(async () => {
  lab = await Lab.up({ hosts: 1, docker: false })
  await boot()
})

after(async () => {
  await lab?.hosts(['stop', '1', 'boot'])
  await lab?.down()
})

/** /etc and /var are those of before, /run is empty: as after switching a machine off and on. */
async function boot(): Promise<void> {
  await lab.hosts(['stop', '1', 'boot'])
  await lab.hosts(['run', '1', 'boot', projectFile('test/package/systemd-boot')])
  await eventually(
    'systemd has started what it should',
    async () => {
      const { stdout } = await attempt('systemctl', 'is-system-running')
      return ['running', 'degraded'].includes(stdout.trim())
    },
    60_000,
  )
}

/** Runs a command among systemd's processes, whatever its status. */
const attempt = (...argv: readonly string[]): Promise<Outcome> =>
  lab.try(1, [
    ...['sh', '-ec', 'exec nsenter -t "$(cat /run/systemd-boot.pid)" -m -p -C -- "$@"', 'inside', ...argv],
  ])

async function inside(...argv: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await attempt(...argv)
  assert.equal(status, 0, `${argv.join(' ')}: ${stdout}${stderr}`)
  return stdout.trimEnd()
}

const weave = (...words: readonly string[]): Promise<string> => inside(projectFile('bin/weave'), ...words)

/** Microseconds since the machine's start at which a unit reached a state. */
async function moment(unit: string, property: string): Promise<number> {
  return Number(await inside('systemctl', 'show', '--value', `--property=${property}Monotonic`, unit))
}

const SOCKET = '/run/docker/plugins/weavemesh.sock'

test('install-service starts the daemon, whose status and log are had as ever', async () => {
  const said = await weave('install-service', '--nickname', 'boot', '--password', 'a long secret')
  assert.equal(said, 'weave.service runs, and will after every boot; settings: /etc/default/weave')
  assert.equal(await inside('systemctl', 'is-enabled', 'weave.service', 'weave.socket'), 'enabled\nenabled')
  assert.match(await weave('status'), /Name: \S+\(boot\)\n {5}Encryption: enabled/)
  assert.match(await weave('logs'), /weave is ready/)
  assert.equal(await inside('stat', '-c', '%a', '/etc/default/weave'), '600')
  const lines = await inside('ps', '-eo', 'args')
  assert(!lines.includes('a long secret'), 'no command line shows the password')
})

test('after a boot it is there before Docker, and containers find their network', async () => {
  await boot()
  assert.equal(await inside('systemctl', 'is-active', 'weave.service', 'docker.service'), 'active\nactive')
  const weaveReady = await moment('weave.service', 'ActiveEnterTimestamp')
  const dockerStarts = await moment('docker.service', 'ExecMainStartTimestamp')
  assert(weaveReady > 0 && weaveReady < dockerStarts, `${weaveReady} < ${dockerStarts}`)
  assert.match(await weave('status'), /\(boot\)/)

  const image = await lab.hosts(['image'])
  await inside('docker', 'load', '-q', '-i', image.stdout.trim())
  await eventually('Docker has the network', async () =>
    (await inside('docker', 'network', 'ls', '--format', '{{.Name}}')).split('\n').includes('weave'),
  )
  const shown = await inside(
    'docker',
    'run',
    '--rm',
    '--net=weave',
    'busybox',
    'ip',
    'addr',
    'show',
    'ethwe0',
  )
  assert.match(shown, /inet 10\./)
})

test('a call at the plugin socket starts a daemon that is not running', async () => {
  await inside('systemctl', 'stop', 'weave.service')
  assert.equal((await attempt('systemctl', 'is-active', 'weave.service')).stdout, 'inactive\n')
  assert.equal(await inside('systemctl', 'is-active', 'weave.socket'), 'active')
  const answer = await inside('curl', '-s', '-X', 'POST', '--unix-socket', SOCKET, 'http://x/Plugin.Activate')
  assert.match(answer, /NetworkDriver/)
  assert.equal(await inside('systemctl', 'is-active', 'weave.service'), 'active')
})

test('a daemon that is killed comes back by itself', async () => {
  const pid = await inside('systemctl', 'show', '--value', '--property=MainPID', 'weave.service')
  await inside('kill', '-9', pid)
  await eventually('another one runs', async () => {
    const now = await inside('systemctl', 'show', '--value', '--property=MainPID', 'weave.service')
    return now !== '0' && now !== pid && (await attempt(projectFile('bin/weave'), 'status')).status === 0
  })
})

test('stop lasts until the next boot', async () => {
  await weave('stop')
  const { stdout } = await attempt('systemctl', 'is-active', 'weave.service', 'weave.socket')
  assert.equal(stdout, 'inactive\ninactive\n')
  await boot()
  assert.equal(await inside('systemctl', 'is-active', 'weave.service'), 'active')
})

test('reset takes the service back: nothing of it is left, and Docker boots without it', async () => {
  await weave('reset')
  for (const unit of ['weave.service', 'weave.socket']) {
    assert.equal((await attempt('systemctl', 'cat', unit)).status, 1, unit)
  }
  const left = await inside(
    ...[
      'sh',
      '-c',
      'find /etc/systemd /etc/default /run/docker/plugins /var/lib/weave -iname "*weave*" || true',
    ],
  )
  assert.equal(left, '')
  assert(!(await inside('ip', '-o', 'link')).includes('weave'))
  await boot()
  assert.equal(await inside('systemctl', 'is-active', 'docker.service'), 'active')
  assert.equal((await attempt('systemctl', 'is-active', 'weave.service')).stdout, 'inactive\n')
})
