import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { eventually, Lab } from './lab.ts'
import { addressOf, killDaemon, pings, run } from './plugin-hosts.ts'

const etcd = ['/usr/bin/etcd', '/usr/local/bin/etcd'].some((path) => existsSync(path))
const skip = etcd ? false : 'not run: a cluster store needs etcd'

let lab: Lab

before(async () => {
  if (skip !== false) return
  lab = await Lab.up({ hosts: 2, clusterStore: true })
  await lab.weave(1, 'launch')
  await lab.weave(2, 'launch', 'host1')
})
after(() => lab?.down())

test('a network of the global driver, made on one host, is used on both', { skip }, async () => {
  await lab.docker(1, 'network', 'create', '-d', 'weave', '-o', 'works.weave.multicast=true', 'wide')
  await run(lab, 1, 'g1', '--net=wide')
  await run(lab, 2, 'g2', '--net=wide')
  const address = await addressOf(lab, 2, 'g2', 'wide')
  await eventually('they talk', () => pings(lab, 1, 'g1', address))
  // The other host was never told of the network: what it was made with comes from Docker.
  assert.match(await lab.docker(2, 'exec', 'g2', 'ip', 'route'), /224\.0\.0\.0\/4 dev ethwe0/)
})

test('a restart of the daemon forgets nothing of it', { skip }, async () => {
  await killDaemon(lab, 2)
  await lab.docker(2, 'restart', '-t', '0', 'g2')
  assert.match(await lab.docker(2, 'exec', 'g2', 'ip', 'route'), /224\.0\.0\.0\/4 dev ethwe0/)
  await lab.docker(1, 'rm', '-f', 'g1')
  await lab.docker(2, 'rm', '-f', 'g2')
  await lab.docker(2, 'network', 'rm', 'wide')
})
