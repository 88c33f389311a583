import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TrustedSubnets } from './trusted-subnets.ts'

test('addresses are matched by prefix, IPv4 also in its mapped form', () => {
  const trusted = new TrustedSubnets(['10.0.0.0/8', '192.168.7.9/32', 'fd00:1::/32'])
  for (const inside of ['10.255.0.1', '::ffff:10.1.2.3', '192.168.7.9', 'fd00:1:2::3']) {
    assert.equal(trusted.contains(inside), true, inside)
  }
  for (const outside of ['11.0.0.1', '192.168.7.8', 'fd00:2::1', 'host', '']) {
    assert.equal(trusted.contains(outside), false, outside)
  }
})

test('nothing is trusted by default', () => {
  assert.equal(new TrustedSubnets([]).contains('10.0.0.1'), false)
})

for (const bad of [
  '10.0.0.0',
  '10.0.0.0/33',
  '10.0.0/8',
  'fd00::/129',
  '10.0.0.0/8/8',
  '/8',
  '10.0.0.0/',
  'x/8',
]) {
  test(`${JSON.stringify(bad)} is refused and the text shows it`, () => {
    assert.throws(() => new TrustedSubnets([bad]), {
      code: 'invalid-subnet',
      message: new RegExp(bad.replaceAll('/', '\\/')),
    })
  })
}
