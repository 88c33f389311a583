import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { settingsText, unitText } from '../../src/cli/commands/service.ts'
import { passOn, takeOver } from '../../src/config/load.ts'
import { eventually, Lab } from '../lab/lab.ts'
import { projectFile } from '../support/project.ts'

const SOCKETS = ['weave', 'weavemesh'].map((name) => `/run/docker/plugins/${name}.sock`)

test('systemd finds nothing wrong with the units', () => {
  const directory = mkdtempSync(join(tmpdir(), 'weave-units-'))
  try {
    const units = ['weave.socket', 'weave.service'] as const
    for (const unit of units) writeFileSync(join(directory, unit), unitText(unit))
    const paths = units.map((unit) => join(directory, unit))
    assert.equal(execFileSync('systemd-analyze', ['verify', ...paths], { encoding: 'utf8' }), '')
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('options, peers and password of a service are put where systemd splits them again', () => {
  const words = ['--password=top secret', '--no-dns', '--nickname', 'my host', 'host1', 'host2:7000']
  const { config, peers } = takeOver(words, {})
  const lines = settingsText(passOn(config, peers)).split('\n')
  assert.deepEqual(lines.slice(1), [
    `WEAVE_OPTIONS="'--nickname=my host' --no-dns=true"`,
    'WEAVE_PEERS="host1 host2:7000"',
    "WEAVE_PASSWORD='top secret'",
    '',
  ])
})

describe('the daemon as a service', () => {
  let lab: Lab

  before(async () => {
    lab = await Lab.up({ hosts: 1 })
  })
  after(() => lab?.down())

  /** As systemd would: it holds the sockets, starts the daemon at the first call, and is told when it is ready. */
  const activate = async (): Promise<void> => {
    await lab.hosts([
      'run',
      '1',
      'manager',
      'socat',
      '-u',
      'UNIX-RECV:/run/notify',
      'OPEN:/run/notified,creat,append',
    ])
    await lab.hosts([
      ...['run', '1', 'service', 'systemd-socket-activate', ...SOCKETS.flatMap((path) => ['-l', path])],
      ...['-E', 'NOTIFY_SOCKET=/run/notify', '-E', 'WATCHDOG_USEC=400000', '-E', 'WEAVE_MTU=1350'],
      ...[process.execPath, projectFile('dist/daemon.cjs'), '--service', '--nickname=service'],
    ])
    await eventually('somebody listens', async () => (await lab.sh(1, 'ss -xlnH')).includes('weavemesh.sock'))
  }

  test('a call of Docker waits at the socket until the daemon that it starts answers', async () => {
    await lab.sh(1, 'mkdir -p /run/docker/plugins')
    await activate()
    assert.equal(
      (await lab.tryWeave(1, 'status')).stderr,
      'weave container is not present. Have you launched it?\n',
    )
    const flags = ['-d', 'weavemesh', '--ipam-driver', 'weavemesh', '--subnet', '10.32.0.0/12']
    await lab.docker(1, 'network', 'create', ...flags, 'mine')
    await lab.docker(1, 'run', '--rm', '--net=mine', 'busybox', 'ip', 'addr', 'show', 'ethwe0')
    assert.match(await lab.weave(1, 'status'), /\(service\)/)
    assert.match(await lab.weave(1, 'report', '-f', '{{.Router.Interface}}'), /\S/)
    assert.equal(await lab.sh(1, 'cat /sys/class/net/weave/mtu'), '1350')
  })

  test('it says that it is ready once, and then that it lives, as often as is wanted', async () => {
    const notified = await eventually('three signs of life', async () => {
      const text = await lab.sh(1, 'cat /run/notified')
      return text.split('WATCHDOG=1').length > 3 && text
    })
    assert.match(notified, /^READY=1(?:WATCHDOG=1)+$/)
  })

  test('launch is refused beside it', async () => {
    const refused = await lab.tryWeave(1, 'launch')
    assert.notEqual(refused.status, 0)
    assert.match(refused.stderr, /already running/i)
  })

  test('when it ends, the sockets stay, and the next call starts the next one, with the same peers', async () => {
    await lab.weave(1, 'connect', '10.99.0.77')
    await lab.hosts(['stop', '1', 'service'])
    assert.equal(await lab.sh(1, 'ls /run/docker/plugins'), 'weave.sock\nweavemesh.sock')
    await lab.hosts(['stop', '1', 'manager'])
    await lab.sh(1, `rm -f /run/notify ${SOCKETS.join(' ')}`)
    await activate()
    await lab.docker(1, 'run', '--rm', '--net=mine', 'busybox', 'true')
    assert.equal(await lab.weave(1, 'status', 'targets'), '10.99.0.77')
    await lab.hosts(['stop', '1', 'service'])
  })

  test('install-service on a host without systemd says what to use', async () => {
    const refused = await lab.tryWeave(1, 'install-service')
    assert.equal(refused.status, 1)
    assert.match(refused.stderr, /^systemd does not run on this host; use weave launch/)
  })
})
