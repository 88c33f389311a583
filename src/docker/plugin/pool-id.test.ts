import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Cidr, type Ip4, networkOf, parseCidr } from '../../lib/ip4.ts'
import { contains, formatPoolId, parsePoolId } from './pool-id.ts'

const anySubnet = fc
  .tuple(fc.nat(2 ** 32 - 1), fc.integer({ min: 0, max: 32 }))
  .map(([addr, prefixLen]): Cidr => networkOf({ addr: addr as Ip4, prefixLen }))
const defaultSubnet = parseCidr('10.32.0.0/12')

test('a pool is found again by its id', () => {
  fc.assert(
    fc.property(anySubnet, anySubnet, (subnet, range) => {
      assert.deepEqual(parsePoolId(formatPoolId({ subnet, range }), defaultSubnet), { subnet, range })
    }),
  )
})

test('the id is the one that Docker has kept since the original made it', () => {
  const pool = { subnet: parseCidr('10.41.0.0/16'), range: parseCidr('10.41.128.0/24') }
  assert.equal(formatPoolId(pool), 'weave-10.41.0.0/16-10.41.128.0/24')
})

test('the single pool of old versions is the default subnet', () => {
  assert.deepEqual(parsePoolId('weavepool', defaultSubnet), { subnet: defaultSubnet, range: defaultSubnet })
})

for (const id of [
  '',
  'weave',
  'weave-10.0.0.0/8',
  'other-10.0.0.0/8-10.0.0.0/8',
  'weave-fd00::/64-fd00::/64',
]) {
  test(`"${id}" is no pool of ours`, () => assert.equal(parsePoolId(id, defaultSubnet), undefined))
}

test('a range belongs to a subnet only with all of its addresses', () => {
  assert.equal(contains(parseCidr('10.32.0.0/12'), parseCidr('10.47.255.0/24')), true)
  assert.equal(contains(parseCidr('10.32.0.0/12'), parseCidr('10.48.0.0/24')), false)
  assert.equal(contains(parseCidr('10.32.0.0/24'), parseCidr('10.32.0.0/12')), false)
})
