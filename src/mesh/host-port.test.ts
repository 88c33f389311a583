import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatHostPort, isHostName, parseHostPort } from './host-port.ts'
import { resolveHost } from './resolve.ts'

const good: readonly (readonly [string, string, number | undefined, boolean])[] = [
  ['10.0.0.1', '10.0.0.1', undefined, true],
  ['10.0.0.1:7000', '10.0.0.1', 7000, true],
  ['10.0.0.1:0', '10.0.0.1', undefined, true],
  ['host', 'host', undefined, false],
  ['host.example:1', 'host.example', 1, false],
  ['host:', 'host', undefined, false],
  ['fd00::1', 'fd00::1', undefined, true],
  ['[fd00::1]', 'fd00::1', undefined, true],
  ['[fd00::1]:65535', 'fd00::1', 65535, true],
]

for (const [text, host, port, isAddress] of good) {
  test(`${text} is understood`, () => assert.deepEqual(parseHostPort(text), { host, port, isAddress }))
}

for (const bad of [
  '',
  ':',
  ':6783',
  '10.0.0.1:-1',
  '10.0.0.1:6 7',
  '10.0.0.1:65536',
  'http://x',
  '[10.0.0.1]:1',
  '[fd00::1',
  '[fd00::1]x',
  'a:b:c',
  'x:ssh',
]) {
  test(`${JSON.stringify(bad)} is refused`, () => {
    assert.throws(() => parseHostPort(bad), { code: 'invalid-peer-address' })
  })
}

test('addresses are written so that they can be read again', () => {
  assert.equal(formatHostPort('10.0.0.1', 1), '10.0.0.1:1')
  assert.equal(formatHostPort('fd00::1', 6783), '[fd00::1]:6783')
})

test('mistyped addresses are no host names', () => {
  for (const name of ['10.0.0', '1', '10.0.0.1/24', ' host', 'a..b', '', 'x'.repeat(254)])
    assert.equal(isHostName(name), false, name)
  for (const name of ['host', 'a.b-c.d', 'under_score', '10host', 'x.', 'xn--bcher-kva.example'])
    assert.equal(isHostName(name), true, name)
})

test('IPv4 addresses come first and every failure is a text', async () => {
  const found = await resolveHost('host', async () => [
    { address: 'fd00::1', family: 6 },
    { address: '10.0.0.1', family: 4 },
  ])
  assert.deepEqual(found, { addresses: ['10.0.0.1', 'fd00::1'] })
  assert.deepEqual(await resolveHost('fd00::2'), { addresses: ['fd00::2'] })

  const failing = (code: string) => async () => {
    throw Object.assign(new Error(`lookup failed: ${code}`), { code })
  }
  assert.deepEqual(await resolveHost('host', failing('ENOTFOUND')), { error: 'lookup host: no such host' })
  assert.deepEqual(await resolveHost('host', failing('EAI_AGAIN')), {
    error: 'lookup host: the name server does not answer',
  })
  assert.deepEqual(await resolveHost('host', failing('EX')), { error: 'lookup host: lookup failed: EX' })
  assert.deepEqual(await resolveHost('host', async () => []), { error: 'lookup host: no such host' })
})
