import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCidr } from '../../lib/ip4.ts'
import { parseSaved } from '../firewall/saved.ts'
import { findOnlooker, type OnlookerInputs } from './onlookers.ts'
import { readLegacy, readNft, type SeenChain } from './ruleset.ts'

const ALONE: OnlookerInputs = {
  bridge: 'weave',
  chains: [],
  bridgeNetfilter: { ip: true, ip6: true, arp: true },
  vlanFiltering: false,
  ebtables: [],
  elsewhere: [parseCidr('172.17.0.0/16')],
}

const nft = (family: string, chain: object, ...rules: object[][]): SeenChain[] =>
  readNft(
    JSON.stringify({
      nftables: [
        { metainfo: { version: '1.0.6' } },
        { chain: { family, table: 't', name: 'c', ...chain } },
        ...rules.map((expr) => ({ rule: { family, table: 't', chain: 'c', expr } })),
      ],
    }),
  )
const FORWARD = { hook: 'forward', policy: 'accept' }
const meta = (key: string, right: string, op = '=='): object => ({
  match: { op, left: { meta: { key } }, right },
})
const address = (field: string, right: unknown): object => ({
  match: { op: '==', left: { payload: { protocol: 'ip', field } }, right },
})
const OURS = [meta('iifname', 'weave'), meta('oifname', 'weave'), { counter: null }, { accept: null }]

const legacy = (...lines: string[]): SeenChain[] =>
  readLegacy('ip', parseSaved(['*filter', ':FORWARD DROP [0:0]', ...lines, 'COMMIT'].join('\n')))
const LEGACY_OURS = '-A FORWARD -i weave -o weave -j ACCEPT'

const cases: readonly [string, Partial<OnlookerInputs>, RegExp | undefined][] = [
  ['an empty host', {}, undefined],
  ['a bridge that filters by VLAN', { vlanFiltering: true }, /VLAN/],
  ['ebtables of the old kind', { ebtables: ['ebtable_filter'] }, /ebtable_filter/],
  ['a chain for bridges without a rule', { chains: nft('bridge', FORWARD) }, undefined],
  ['a rule for bridges', { chains: nft('bridge', FORWARD, [{ counter: null }]) }, /bridge t c/],
  ['a chain for bridges that drops', { chains: nft('bridge', { ...FORWARD, policy: 'drop' }) }, /bridge t c/],
  ['a chain at the ingress of a device', { chains: nft('netdev', { hook: 'ingress' }) }, /netdev t c/],
  ['a drop for everybody', { chains: nft('ip', FORWARD, [{ drop: null }]) }, /drop/],
  ['a drop of IPv6', { chains: nft('ip6', FORWARD, [{ drop: null }]) }, /drop/],
  ['a drop in a chain for both', { chains: nft('inet', FORWARD, [{ drop: null }]) }, /drop/],
  ['a log', { chains: nft('ip', FORWARD, [{ xt: { type: 'target', name: 'LOG' } }]) }, /LOG/],
  ['a queue to a program', { chains: nft('ip', FORWARD, [{ queue: { num: 1 } }]) }, /queue/],
  ['a drop of what our accept let by', { chains: nft('ip', FORWARD, OURS, [{ drop: null }]) }, undefined],
  ['a drop before our accept', { chains: nft('ip', FORWARD, [{ drop: null }], OURS) }, /drop/],
  [
    'a policy of drop after our accept',
    { chains: nft('ip', { ...FORWARD, policy: 'drop' }, OURS) },
    undefined,
  ],
  ['a policy of drop', { chains: nft('inet', { ...FORWARD, policy: 'drop' }) }, /drops what no rule accepts/],
  [
    'an accept with a condition does not count as ours',
    { chains: nft('ip', FORWARD, [address('saddr', '10.32.0.0'), { accept: null }], [{ drop: null }]) },
    /drop/,
  ],
  [
    'a drop at another interface',
    { chains: nft('ip', FORWARD, [meta('iifname', 'docker0'), { drop: null }]) },
    undefined,
  ],
  [
    'a drop everywhere but at another interface',
    { chains: nft('ip', FORWARD, [meta('iifname', 'docker0', '!='), { drop: null }]) },
    /drop/,
  ],
  [
    'a drop for an address of another interface, as Docker makes them',
    {
      chains: nft('ip', { hook: 'prerouting', policy: 'accept' }, [
        meta('iifname', 'docker0', '!='),
        address('daddr', '172.17.0.2'),
        { drop: null },
      ]),
    },
    undefined,
  ],
  [
    'a drop for a network that holds more than that',
    {
      chains: nft('ip', FORWARD, [
        address('daddr', { prefix: { addr: '172.0.0.0', len: 8 } }),
        { drop: null },
      ]),
    },
    /drop/,
  ],
  [
    'a drop for an address of the overlay',
    { chains: nft('ip', FORWARD, [address('daddr', '10.32.0.1'), { drop: null }]) },
    /drop/,
  ],
  [
    'a match on ports of bridges, whatever it does',
    { chains: nft('ip', FORWARD, [{ xt: { type: 'match', name: 'physdev' } }, { counter: null }]) },
    /physdev/,
  ],
  ['a chain of input', { chains: nft('ip', { hook: 'input', policy: 'drop' }, [{ drop: null }]) }, undefined],
  [
    'rules that bridged frames never meet',
    { chains: nft('ip', FORWARD, [{ drop: null }]), bridgeNetfilter: { ip: false, ip6: true, arp: true } },
    undefined,
  ],
  ['a legacy policy of DROP behind our accept', { chains: legacy(LEGACY_OURS) }, undefined],
  ['a legacy drop before it', { chains: legacy('-A FORWARD -s 10.32.0.0/12 -j DROP', LEGACY_OURS) }, /DROP/],
  [
    'a legacy drop in a chain that is jumped to',
    { chains: legacy(':USER - [0:0]', '-A FORWARD -j USER', LEGACY_OURS, '-A USER -p tcp -j REJECT') },
    /REJECT/,
  ],
  [
    'a legacy rule for another interface',
    { chains: legacy('-A FORWARD -o docker0 -j DROP', LEGACY_OURS) },
    undefined,
  ],
  [
    'legacy chains that jump in a circle',
    { chains: legacy(':A - [0:0]', '-A FORWARD -j A', '-A A -j FORWARD', LEGACY_OURS) },
    undefined,
  ],
]

for (const [what, change, expected] of cases) {
  test(`${what}: ${expected === undefined ? 'frames need not pass the bridge' : 'they must'}`, () => {
    const found = findOnlooker({ ...ALONE, ...change })
    if (expected === undefined) assert.equal(found, undefined)
    else assert.match(found ?? '', expected)
  })
}
