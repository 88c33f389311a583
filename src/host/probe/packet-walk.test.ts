import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSaved } from '../firewall/saved.ts'
import { type Fate, walk } from './packet-walk.ts'

const input = (protocol: 'tcp' | 'udp', port: number) =>
  ({ chain: 'INPUT', protocol, port, from: undefined, to: undefined }) as const

const filter = (policy: string, ...rules: string[]) =>
  parseSaved(
    `*filter\n:INPUT ${policy} [0:0]\n:FORWARD DROP [0:0]\n:OWN - [0:0]\n${rules.join('\n')}\nCOMMIT\n`,
  )

const cases: readonly [name: string, saved: ReturnType<typeof parseSaved>, verdict: Fate['verdict']][] = [
  ['no rules at all', parseSaved(''), 'accepted'],
  ['a policy of DROP', filter('DROP'), 'dropped'],
  [
    'an accept of the port before a policy of DROP',
    filter('DROP', '-A INPUT -p tcp -m tcp --dport 6783 -j ACCEPT'),
    'accepted',
  ],
  [
    'an accept of the wrong protocol',
    filter('DROP', '-A INPUT -p udp -m udp --dport 6783 -j ACCEPT'),
    'dropped',
  ],
  [
    'a range of ports',
    filter('DROP', '-A INPUT -p tcp -m multiport --dports 22,6000:7000 -j ACCEPT'),
    'accepted',
  ],
  [
    'an accept of answers only',
    filter('DROP', '-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT'),
    'dropped',
  ],
  ['an accept for the loopback device only', filter('DROP', '-A INPUT -i lo -j ACCEPT'), 'dropped'],
  [
    'a reject at the end',
    filter(
      'ACCEPT',
      '-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT',
      '-A INPUT -j REJECT --reject-with icmp-host-prohibited',
    ),
    'dropped',
  ],
  ['a chain of its own that drops', filter('ACCEPT', '-A INPUT -j OWN', '-A OWN -p tcp -j DROP'), 'dropped'],
  [
    'a chain of its own that returns first',
    filter('ACCEPT', '-A INPUT -j OWN', '-A OWN -j RETURN', '-A OWN -j DROP'),
    'accepted',
  ],
  [
    'an accept by source before a policy of DROP',
    filter('DROP', '-A INPUT -s 10.0.0.0/8 -j ACCEPT'),
    'unclear',
  ],
  [
    'a drop by source before a policy of ACCEPT',
    filter('ACCEPT', '-A INPUT -s 10.0.0.0/8 -j DROP'),
    'unclear',
  ],
  [
    'a comment that looks like an option',
    filter('ACCEPT', '-A INPUT -m comment --comment "-j DROP" -j ACCEPT'),
    'accepted',
  ],
  ['a rule that only counts', filter('ACCEPT', '-A INPUT -s 10.0.0.0/8'), 'accepted'],
]

for (const [name, saved, verdict] of cases) {
  test(`${name}: TCP 6783 is ${verdict}`, () => {
    assert.equal(walk(saved, input('tcp', 6783)).verdict, verdict)
  })
}

test('the rule that drops is named', () => {
  assert.deepEqual(walk(filter('ACCEPT', '-A INPUT -j OWN', '-A OWN -p udp -j DROP'), input('udp', 6784)), {
    verdict: 'dropped',
    by: 'OWN: -p udp -j DROP',
  })
})

test('forwarding over the bridge is judged by both interfaces', () => {
  const packet = { chain: 'FORWARD', protocol: 'tcp', port: undefined, from: 'weave', to: 'weave' } as const
  assert.equal(walk(filter('ACCEPT', '-A FORWARD -i docker0 -j ACCEPT'), packet).verdict, 'dropped')
  assert.equal(walk(filter('ACCEPT', '-A FORWARD -i weav+ -o weave -j ACCEPT'), packet).verdict, 'accepted')
})
