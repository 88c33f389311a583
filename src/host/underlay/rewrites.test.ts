import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseIp4 } from '../../lib/ip4.ts'
import { readLegacy, readNft, type SeenChain } from '../direct/ruleset.ts'
import { parseSaved } from '../firewall/saved.ts'
import { findRewrite } from './rewrites.ts'

const PACKETS = {
  device: 'eth0',
  local: parseIp4('192.0.2.1'),
  remote: parseIp4('198.51.100.7'),
  udpPort: 6784,
}

const legacy = (...rules: string[]): SeenChain[] =>
  readLegacy(
    'ip',
    parseSaved(
      ['*nat', ':OUTPUT ACCEPT [0:0]', ':POSTROUTING ACCEPT [0:0]', ':OWN - [0:0]', ...rules, 'COMMIT'].join(
        '\n',
      ),
    ),
  )
const nft = (family: string, hook: string, expr: readonly object[]): SeenChain[] =>
  readNft(
    JSON.stringify({
      nftables: [
        { chain: { family, table: 't', name: 'c', hook, policy: 'accept' } },
        { rule: { family, table: 't', chain: 'c', expr } },
      ],
    }),
  )
const meta = (key: string, right: unknown): object => ({
  match: { op: '==', left: { meta: { key } }, right },
})
const port = (protocol: string, right: unknown): object => ({
  match: { op: '==', left: { payload: { protocol, field: 'dport' } }, right },
})
const MASQUERADE = { masquerade: null }

const cases: readonly [string, SeenChain[], boolean][] = [
  ['no rule', legacy(), false],
  ['masquerading of all', legacy('-A POSTROUTING -j MASQUERADE'), true],
  ['masquerading of another network', legacy('-A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE'), false],
  ['masquerading of our own network', legacy('-A POSTROUTING -s 192.0.2.0/24 -j MASQUERADE'), true],
  ['all but another network', legacy('-A POSTROUTING ! -s 10.0.0.0/8 -j MASQUERADE'), true],
  ['our device', legacy('-A POSTROUTING -o eth0 -j MASQUERADE'), true],
  ['devices of our kind', legacy('-A POSTROUTING -o eth+ -j MASQUERADE'), true],
  ['another device', legacy('-A POSTROUTING -o eth1 -j MASQUERADE'), false],
  ['another protocol', legacy('-A POSTROUTING -p tcp -j MASQUERADE'), false],
  ['another port', legacy('-A POSTROUTING -p udp --dport 53 -j MASQUERADE'), false],
  ['our port', legacy('-A POSTROUTING -p udp --dport 6784 -j SNAT --to-source 192.0.2.9'), true],
  [
    'ports, ours among them',
    legacy('-A POSTROUTING -p udp --dport 6000:7000 -j SNAT --to-source 192.0.2.9'),
    true,
  ],
  ['a chain of its own', legacy('-A OUTPUT -j OWN', '-A OWN -p udp -j MARK --set-mark 1'), true],
  ['a chain that others jump to', legacy('-A OUTPUT -p tcp -j OWN', '-A OWN -j MARK --set-mark 1'), false],
  ['a drop, which heartbeats tell of', legacy('-A OUTPUT -j DROP'), false],
  ['a log', legacy('-A OUTPUT -j LOG'), false],
  ['nft masquerading', nft('ip', 'postrouting', [MASQUERADE]), true],
  ['nft masquerading for both families', nft('inet', 'postrouting', [MASQUERADE]), true],
  ['nft masquerading of IPv6', nft('ip6', 'postrouting', [MASQUERADE]), false],
  ['nft, another device', nft('ip', 'postrouting', [meta('oifname', 'eth1'), MASQUERADE]), false],
  ['nft, devices of our kind', nft('ip', 'postrouting', [meta('oifname', 'e*'), MASQUERADE]), true],
  ['nft, a set of devices', nft('ip', 'postrouting', [meta('oifname', { set: ['eth0'] }), MASQUERADE]), true],
  ['nft, another protocol', nft('ip', 'postrouting', [meta('l4proto', 'tcp'), MASQUERADE]), false],
  ['nft, another port', nft('ip', 'postrouting', [port('udp', 53), MASQUERADE]), false],
  ['nft, a port of another protocol', nft('ip', 'postrouting', [port('tcp', 6784), MASQUERADE]), false],
  ['nft, our port', nft('ip', 'postrouting', [port('udp', 6784), MASQUERADE]), true],
  ['nft, a mark', nft('inet', 'output', [{ mangle: { key: { meta: { key: 'mark' } }, value: 1 } }]), true],
  ['nft, on the way in', nft('ip', 'prerouting', [{ redirect: { port: 1 } }]), false],
  ['nft, frames of a device', nft('netdev', 'ingress', [{ accept: null }]), true],
]

for (const [what, chains, closes] of cases) {
  test(`${what}: the way is ${closes ? 'closed' : 'open'}`, () => {
    assert.equal(findRewrite(chains, PACKETS) !== undefined, closes)
  })
}
