import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isElsewhere, remoteArguments } from './remote.ts'

const elsewhere = (host: string | undefined, ...words: readonly string[]): boolean =>
  isElsewhere({ environment: { DOCKER_HOST: host } }, words)

test('a command goes to another machine exactly when DOCKER_HOST names one', () => {
  for (const host of ['tcp://other:2375', 'ssh://root@other', 'https://other:2376']) {
    assert.equal(elsewhere(host, 'status'), true, host)
  }
  for (const host of [undefined, '', 'unix:///var/run/docker.sock']) {
    assert.equal(elsewhere(host, 'status'), false, host)
  }
})

test('help, completion and what undoes `weave env` stay here', () => {
  for (const words of [['help'], ['completion', 'bash'], ['man'], ['env', '--restore']]) {
    assert.equal(elsewhere('tcp://other:2375', ...words), false, words.join(' '))
  }
  assert.equal(elsewhere('tcp://other:2375', 'env'), true)
})

test('settings go along, secrets by name only', () => {
  const environment = {
    WEAVE_PASSWORD: 'secret',
    WEAVE_MTU: '1400',
    WEAVE_IMAGE: 'mine:1',
    WEAVE_PORT: '',
    HOME: '/root',
    DOCKER_HOST: 'tcp://other:2375',
    DOCKER_CLIENT_ARGS: '--tls  --debug',
  }
  const args = remoteArguments({ environment, isTerminal: false }, ['launch', '--no-dns', 'host1'])
  assert.deepEqual(args.slice(0, 3), ['--tls', '--debug', 'run'])
  assert.deepEqual(args.slice(-5), ['mine:1', '--local', 'launch', '--no-dns', 'host1'])
  assert.ok(
    args.includes('WEAVE_PASSWORD') && args.includes('WEAVE_MTU') && args.includes('WEAVE_IMAGE=mine:1'),
  )
  assert.ok(!args.some((arg) => /secret|^HOME|WEAVE_PORT|^DOCKER_HOST/.test(arg)), args.join(' '))
  assert.ok(!args.includes('-ti'))
})
