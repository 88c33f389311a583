import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseEngineAddress } from './address.ts'

const table: [string, object][] = [
  ['unix:///var/run/docker.sock', { socketPath: '/var/run/docker.sock' }],
  ['/run/other.sock', { socketPath: '/run/other.sock' }],
  ['tcp://10.0.0.1:2375', { host: '10.0.0.1', port: 2375, protocol: 'http' }],
  ['10.0.0.1:4000', { host: '10.0.0.1', port: 4000, protocol: 'http' }],
  ['tcp://[fd00::1]:2375', { host: 'fd00::1', port: 2375, protocol: 'http' }],
  ['http://docker', { host: 'docker', port: 2375, protocol: 'http' }],
]
for (const [text, expected] of table) {
  test(`${text} is understood`, () => assert.deepEqual(parseEngineAddress(text, {}), expected))
}

for (const text of [
  '',
  'ssh://host',
  'npipe:////./pipe/docker_engine',
  'unix://relative',
  'tcp://',
  'tcp://a:b:c',
]) {
  test(`"${text}" is refused with words`, () => {
    assert.throws(() => parseEngineAddress(text, {}), { code: 'docker-address' })
  })
}

test('TLS takes its files from DOCKER_CERT_PATH', (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'weave-certs-'))
  context.after(() => rmSync(directory, { recursive: true }))
  const env = { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: directory }
  assert.throws(() => parseEngineAddress('tcp://docker', env), /ca\.pem.*DOCKER_CERT_PATH/)

  for (const name of ['ca', 'cert', 'key']) writeFileSync(join(directory, `${name}.pem`), name)
  assert.deepEqual(parseEngineAddress('tcp://docker', env), {
    host: 'docker',
    port: 2376,
    protocol: 'https',
    tls: { ca: 'ca', cert: 'cert', key: 'key' },
  })
})
