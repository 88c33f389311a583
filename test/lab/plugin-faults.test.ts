import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { eventually, type Lab } from './lab.ts'
import { addressOf, cables, killDaemon, launched, names, owned, pings, run } from './plugin-hosts.ts'

let lab: Lab

before(async () => {
  lab = await launched({ hosts: 2 })
  // Either host looks for the other after a restart: the one that was only called would be waited for.
  await lab.weave(1, 'connect', 'host2')
  await run(lab, 2, 'far', '--net=weave')
})
after(() => lab?.down())

const networkId = (): Promise<string> => lab.docker(1, 'network', 'inspect', '-f', '{{.Id}}', 'weave')
const isRunning = async (name: string): Promise<boolean> =>
  (await lab.tryDocker(1, 'inspect', '-f', '{{.State.Running}}', name)).stdout.trim() === 'true'

test('kill -9 of the daemon: containers keep their addresses and names, and Docker goes on working', async () => {
  await run(lab, 1, 'kept', '--net=weave')
  const address = await addressOf(lab, 1, 'kept')
  const id = await networkId()
  await killDaemon(lab, 1)

  assert.equal(await networkId(), id)
  assert.deepEqual((await owned(lab, 1)).get(address), [`${address}/12`])
  await run(lab, 1, 'next', '--net=weave')
  assert.notEqual(await addressOf(lab, 1, 'next'), address)
  await eventually('both hosts talk', () => pings(lab, 2, 'far', address))
  await eventually('names are back', async () => (await names(lab, 1)).includes(`kept ${address}`))
  const taken = await lab.tryDocker(1, 'run', '--rm', '--net=weave', '--ip', address, 'busybox', 'true')
  assert.match(taken.stderr, /already in use/)

  await lab.docker(1, 'rm', '-f', 'kept', 'next')
  assert.deepEqual(await cables(lab, 1), [])
})

test('a stopped container finds its network after weave stop and launch', async () => {
  await run(lab, 1, 'sleeper', '--net=weave')
  await lab.docker(1, 'stop', '-t', '0', 'sleeper')
  const id = await networkId()
  await lab.weave(1, 'stop')
  await lab.weave(1, 'launch', '--resume')
  assert.equal(await networkId(), id)
  await lab.docker(1, 'start', 'sleeper')
  await lab.docker(1, 'rm', '-f', 'sleeper')
})

test('without weave docker run fails with a reason, and dockerd serves others meanwhile', async () => {
  await lab.weave(1, 'stop')
  const started = performance.now()
  const running = lab.tryDocker(1, 'run', '--rm', '--net=weave', 'busybox', 'true')
  const others = await lab.tryDocker(1, 'run', '--rm', 'busybox', 'true')
  assert.equal(others.status, 0)
  const outcome = await running
  assert.notEqual(outcome.status, 0)
  assert.notEqual(outcome.stderr, '')
  assert.ok(performance.now() - started < 60_000)
  await lab.weave(1, 'launch', '--resume')
  await lab.docker(1, 'run', '--rm', '--net=weave', 'busybox', 'true')
})

test('dockerd restarts: containers with a restart policy come back, the others can be started', async () => {
  await run(lab, 1, 'always', '--net=weave', '--restart', 'always', '--ip', '10.33.1.1')
  await run(lab, 1, 'never', '--net=weave')
  await lab.hosts(['dockerd', '1', 'restart'])
  await eventually('the container is back', () => isRunning('always'), 30_000)
  assert.equal(await addressOf(lab, 1, 'always'), '10.33.1.1')
  await lab.docker(1, 'start', 'never')
  await eventually('names are back', async () => (await names(lab, 2)).includes('always 10.33.1.1'))
  await eventually('it is reached', () => pings(lab, 2, 'far', '10.33.1.1'))
  assert.equal((await owned(lab, 1)).size, 2)
})

test('dockerd is killed: what it left behind is cleaned up', async () => {
  await lab.hosts(['dockerd', '1', 'kill'])
  await lab.hosts(['dockerd', '1', 'start'])
  await eventually('the container is back', () => isRunning('always'), 30_000)
  await lab.docker(1, 'rm', '-f', 'always', 'never')
  await eventually('nothing is held', async () => (await owned(lab, 1)).size === 0)
  assert.deepEqual(await cables(lab, 1), [])
})

test('with live-restore a container talks on while dockerd is away', async () => {
  await lab.hosts(['dockerd', '1', 'restart', '--live-restore'])
  await eventually('dockerd is back', async () => (await lab.tryDocker(1, 'info')).status === 0)
  await run(lab, 1, 'alive', '--net=weave')
  const address = await addressOf(lab, 1, 'alive')
  await lab.hosts(['dockerd', '1', 'stop'])
  await eventually('it is reached without dockerd', () => pings(lab, 2, 'far', address))
  await lab.hosts(['dockerd', '1', 'start', '--live-restore'])
  await eventually('dockerd is back', () => isRunning('alive'))
  assert.equal(await pings(lab, 2, 'far', address), true)
  await eventually('its name is known', async () => (await names(lab, 2)).includes(`alive ${address}`))
  await lab.docker(1, 'rm', '-f', 'alive')
  assert.deepEqual(await cables(lab, 1), [])
  assert.deepEqual([...(await owned(lab, 1)).keys()], [])
})

test('weave starts before dockerd, and has its network when dockerd comes', async () => {
  await lab.hosts(['dockerd', '1', 'stop'])
  await lab.weave(1, 'stop')
  await lab.weave(1, 'launch', '--resume')
  await lab.hosts(['dockerd', '1', 'start'])
  await eventually('containers run', async () => {
    return (await lab.tryDocker(1, 'run', '--rm', '--net=weave', 'busybox', 'true')).status === 0
  })
})

test('dockerd starts without weave: containers that it gave up are started, addresses that it lost are freed', async () => {
  await run(lab, 1, 'stranded', '--net=weave', '--restart', 'always')
  await run(lab, 1, 'leaver', '--net=weave')
  const address = await addressOf(lab, 1, 'leaver')
  await lab.weave(1, 'stop')
  await lab.hosts(['dockerd', '1', 'kill'])
  await lab.hosts(['dockerd', '1', 'start'], 240_000)
  assert.equal(await isRunning('stranded'), false)

  await lab.weave(1, 'launch', '--resume')
  await eventually('it runs', () => isRunning('stranded'))
  assert.equal((await owned(lab, 1)).has(address), true)
  await eventually('the address is free', async () => !(await owned(lab, 1)).has(address), 90_000)
  assert.equal(await isRunning('stranded'), true)
  await lab.docker(1, 'rm', '-f', 'stranded', 'leaver')
  assert.deepEqual(await cables(lab, 1), [])
})

test('a host that lost its state does not give addresses of running containers away', async () => {
  await run(lab, 1, 'before', '--net=weave')
  const address = await addressOf(lab, 1, 'before')
  await lab.weave(1, 'stop')
  await lab.sh(1, 'rm -rf /var/lib/weave')
  await lab.weave(1, 'launch', 'host2')
  await run(lab, 1, 'after', '--net=weave')
  assert.notEqual(await addressOf(lab, 1, 'after'), address)
  await eventually('they talk', () => pings(lab, 2, 'far', address))
  await lab.docker(1, 'rm', '-f', 'before', 'after')
  assert.deepEqual([...(await owned(lab, 1)).keys()], [])
})

test('without a majority of the peers docker run says what is waited for, and the network can be made', async () => {
  await using alone = await launched({ hosts: 1 }, '--ipalloc-init', 'consensus=3')
  const started = performance.now()
  const outcome = await alone.tryDocker(1, 'run', '--rm', '--net=weave', 'busybox', 'true')
  assert.notEqual(outcome.status, 0)
  assert.match(outcome.stderr, /awaiting consensus \(quorum: 2, known: 1\)/)
  assert.ok(performance.now() - started < 60_000)
})
