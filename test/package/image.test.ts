import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { eventually, Lab } from '../lab/lab.ts'
import { pings } from '../lab/plugin-hosts.ts'
import { projectFile } from '../support/project.ts'
import { loadImage } from './image.ts'

const HOSTS = [1, 2] as const

describe('weave in a container of Docker', () => {
  let lab: Lab
  let bytes: number

  before(async () => {
    lab = await Lab.up({ hosts: 2 })
    ;({ bytes } = await loadImage(lab, HOSTS))
  })
  after(() => lab?.down())

  test('the image is what Docker makes of a file, and small', async (context) => {
    const size = Number(await lab.docker(1, 'image', 'inspect', '-f', '{{.Size}}', await imageName()))
    context.diagnostic(`${(bytes / 1e6).toFixed(1)} MB to load, ${(size / 1e6).toFixed(1)} MB in Docker`)
    assert.ok(size < 140e6 && bytes < 60e6)
  })

  test('an image that is not there is not fetched from anywhere', async () => {
    const launch = 'WEAVE_IMAGE=nobody/nothing:1 exec "$0" launch --in-docker'
    const refused = await lab.try(1, ['sh', '-c', launch, projectFile('bin/weave')])
    assert.equal(refused.status, 1)
    assert.match(refused.stderr, /^Docker has no image nobody\/nothing:1; make it with/)
    assert.equal(await lab.docker(1, 'ps', '-aq'), '')
  })

  test('a wrong setting is told by launch, and no container is left', async () => {
    await lab.hosts(['run', '1', 'occupant', 'socat', 'TCP-LISTEN:6783,fork', '-'])
    const port = ['ss', '-Hlnt', 'sport = :6783']
    await eventually('the port is taken', async () => (await lab.exec(1, port)) !== '')
    const refused = await lab.tryWeave(1, 'launch', '--in-docker')
    await lab.hosts(['stop', '1', 'occupant', 'KILL'])
    assert.equal(refused.status, 1)
    assert.match(refused.stderr, /cannot listen on TCP :6783: address already in use/)
    assert.equal(await lab.docker(1, 'ps', '-aq'), '')
  })

  test('two hosts make a network, without privileges that are not needed', async () => {
    const id = await lab.weave(1, 'launch', '--in-docker')
    assert.equal(id, await lab.docker(1, 'inspect', '-f', '{{.Id}}', 'weave'))
    await lab.weave(2, 'launch', '--in-docker', 'host1')
    for (const host of HOSTS) {
      await lab.docker(host, 'run', '-d', `--name=box${host}`, '--net=weave', 'busybox', 'sleep', '1000')
    }
    const address = await lab.docker(1, 'exec', 'box1', 'hostname', '-i')
    assert.ok(await pings(lab, 2, 'box2', address))
    assert.match(await lab.weave(2, 'status', 'connections'), /established fastdp/)
    const settings =
      '{{.HostConfig.Privileged}} {{.HostConfig.RestartPolicy.Name}} {{.HostConfig.NetworkMode}}'
    assert.equal(await lab.docker(1, 'inspect', '-f', settings, 'weave'), 'false always host')
    assert.match(await lab.weave(1, 'logs'), /weave is ready/)
    assert.equal((await lab.tryWeave(1, 'launch', '--in-docker')).status, 3)
    assert.equal((await lab.tryWeave(1, 'launch')).status, 3)
  })

  test('after a crash Docker starts it again, with the peers and addresses that it had', async () => {
    const address = await lab.docker(1, 'exec', 'box1', 'hostname', '-i')
    await lab.sh(2, 'kill -9 "$(docker inspect -f "{{.State.Pid}}" weave)"')
    await eventually('the daemon is back and connected', async () => {
      const restarts = await lab.docker(2, 'inspect', '-f', '{{.RestartCount}}', 'weave')
      const { status, stdout } = await lab.tryWeave(2, 'status', 'connections')
      return restarts === '1' && status === 0 && stdout.includes('established fastdp')
    })
    // Routes follow when both ends have heard of the connection.
    await eventually('traffic is back', () => pings(lab, 2, 'box2', address))
  })

  test('stop ends it until the next launch, of whatever kind; containers go on', async () => {
    await lab.weave(2, 'stop')
    assert.equal(await lab.docker(2, 'ps', '-aq', '--filter', 'name=weave'), '')
    assert.equal((await lab.tryWeave(2, 'status')).stderr, 'weave container is not running.\n')
    await lab.weave(2, 'launch', '--resume')
    assert.match(await lab.weave(2, 'ps'), /10\.\d+\.\d+\.\d+\/12/)
    await lab.weave(2, 'stop')
  })

  test('reset leaves neither container nor files', async () => {
    await lab.docker(1, 'rm', '-f', 'box1')
    await lab.weave(1, 'reset')
    assert.equal(await lab.docker(1, 'ps', '-aq'), '')
    assert.equal(
      await lab.sh(1, 'ls -d /run/weave /var/lib/weave /sys/class/net/*weave* 2>/dev/null || true'),
      '',
    )
  })

  test('DOCKER_HOST: commands act on the machine that it names', async () => {
    await lab.hosts([
      'run',
      '1',
      'tunnel',
      'socat',
      // The docker client closes its half first, and the answer is still to come.
      '-t600',
      'TCP-LISTEN:2375,fork,reuseaddr',
      'UNIX:/run/docker.sock',
    ])
    const from2 = async (...words: readonly string[]): Promise<string> =>
      lab.exec(2, ['env', 'DOCKER_HOST=tcp://host1:2375', projectFile('bin/weave'), ...words])
    await eventually(
      'the tunnel is open',
      async () => (await lab.exec(1, ['ss', '-Hlnt', 'sport = :2375'])) !== '',
    )

    const id = await from2('launch', '--ipalloc-range=10.40.0.0/16')
    assert.equal(id, await lab.docker(1, 'inspect', '-f', '{{.Id}}', 'weave'))
    assert.match(await from2('status'), /Name: \S+\(host1\)/)
    assert.match(await lab.weave(1, 'status'), /Range: 10\.40\.0\.0\/16/)
    assert.equal(await from2('expose'), '10.40.0.1')
    assert.match(await lab.sh(1, 'ip -4 addr show weave'), /10\.40\.0\.1\/16/)

    const refused = await lab.try(2, [
      'env',
      'DOCKER_HOST=tcp://host1:2375',
      projectFile('bin/weave'),
      'launch',
    ])
    assert.equal(refused.status, 3, 'the status is that of the command there')
    const here = await lab.exec(2, [
      ...['env', 'DOCKER_HOST=tcp://host1:2375', projectFile('bin/weave')],
      ...['--local', 'version'],
    ])
    assert.match(here, /^weave \d/)
    await from2('reset')
    assert.equal(await lab.docker(1, 'ps', '-aq'), '')
    assert.equal(await lab.sh(1, 'ls -d /run/weave /var/lib/weave 2>/dev/null || true'), '')
  })
})

const imageName = async (): Promise<string> => {
  const { VERSION } = await import('../../src/lib/version.ts')
  return `weave-net:${VERSION}`
}
