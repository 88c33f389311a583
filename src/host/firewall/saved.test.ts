import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCidr, parseIp4 } from '../../lib/ip4.ts'
import { oldRules } from './old-rules.ts'
import { iptablesRules, nftScript } from './rules.ts'
import { parseSaved, removal, repair, ruleKey } from './saved.ts'

const input = {
  bridge: 'weave',
  port: 6783,
  controlPort: 6784,
  dockerBridge: { name: 'docker0', address: parseIp4('172.17.0.1') },
  exposed: [{ cidr: parseCidr('10.32.0.1/12'), masquerade: true }],
}
const docker = `*filter
:INPUT ACCEPT [10:20]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
-A FORWARD -o docker0 -j DOCKER
COMMIT
`

/** What iptables-restore --noflush would make of the saved text: enough of it for our scripts. */
function apply(saved: string, script: string): string {
  const tables = new Map(
    [...parseSaved(saved)].map(([name, t]) => [
      name,
      { chains: new Set(t.chains), rules: new Map([...t.rules].map(([c, r]) => [c, [...r]])) },
    ]),
  )
  let table = ''
  for (const line of script.trim().split('\n')) {
    const [, name] = /^\*(\S+)/.exec(line) ?? []
    if (name !== undefined) {
      table = name
      if (!tables.has(table)) tables.set(table, { chains: new Set(), rules: new Map() })
      continue
    }
    const at = tables.get(table)
    assert.ok(at)
    const [, declared] = /^:(\S+) /.exec(line) ?? []
    if (declared !== undefined) at.chains.add(declared)
    const [, verb, chain = '', rest = ''] = /^-([ADIFX]) (\S+) ?(.*)$/.exec(line) ?? []
    const rules = at.rules.get(chain) ?? []
    if (verb === 'A') rules.push(rest)
    if (verb === 'I') {
      const [, position, rule = ''] = /^(\d+) (.*)$/.exec(rest) ?? []
      rules.splice(Number(position) - 1, 0, rule)
    }
    if (verb === 'D') {
      assert.ok(rules.includes(rest), `deletes what is not there: ${rest}`)
      rules.splice(rules.indexOf(rest), 1)
    }
    at.rules.set(chain, verb === 'F' ? [] : rules)
    if (verb === 'X') {
      at.chains.delete(chain)
      at.rules.delete(chain)
    }
  }
  return [...tables]
    .map(([name, { chains, rules }]) =>
      [
        `*${name}`,
        ...[...chains].map((c) => `:${c} - [0:0]`),
        ...[...rules].flatMap(([c, list]) => list.map((r) => `-A ${c} ${r}`)),
        'COMMIT',
      ].join('\n'),
    )
    .join('\n')
}

test('one repair is enough, and it leaves others’ rules in place below ours', () => {
  const wanted = iptablesRules(input, false)
  const first = repair(parseSaved(docker), wanted)
  assert.ok(first)
  const after = apply(docker, first.script)
  assert.equal(repair(parseSaved(after), wanted), undefined)
  const forward = parseSaved(after).get('filter')?.rules.get('FORWARD')
  assert.deepEqual(forward, [
    '-i weave -o weave -j ACCEPT',
    '-o weave -j WEAVE-EXPOSE',
    '-i weave ! -o weave -j ACCEPT',
    '-o weave -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    '-o docker0 -j DOCKER',
  ])
})

test('when one rule of a group is missing, the whole group is put on top again in order', () => {
  const wanted = iptablesRules(input, false)
  const whole = apply(docker, repair(parseSaved(docker), wanted)?.script ?? '')
  const torn = whole.replace('-A FORWARD -o weave -j WEAVE-EXPOSE\n', '')
  const plan = repair(parseSaved(torn), wanted)
  assert.deepEqual(plan?.missing, ['filter FORWARD -o weave -j WEAVE-EXPOSE'])
  assert.deepEqual(parseSaved(apply(torn, plan?.script ?? '')), parseSaved(whole))
})

test('what is hidden again leaves the chains, a user’s own rule in them stays', () => {
  const before = apply(docker, repair(parseSaved(docker), iptablesRules(input, true))?.script ?? '')
  const own = before.replace('-A WEAVE ', '-A WEAVE -s 192.0.2.0/24 -j LOG\n-A WEAVE ')
  const plan = repair(parseSaved(own), iptablesRules({ ...input, exposed: [] }, true))
  const after = parseSaved(apply(own, plan?.script ?? ''))
  assert.deepEqual(after.get('nat')?.rules.get('WEAVE'), ['-s 192.0.2.0/24 -j LOG'])
  assert.deepEqual(after.get('filter')?.rules.get('WEAVE-EXPOSE') ?? [], [])
})

test('removal takes everything of ours and nothing of Docker’s', () => {
  for (const alone of [true, false]) {
    const wanted = iptablesRules(input, alone)
    const ours = apply(docker, repair(parseSaved(docker), wanted)?.script ?? '')
    const plan = removal(parseSaved(ours), [], oldRules(input))
    const rest = parseSaved(apply(ours, plan?.script ?? ''))
    // Told nothing of what was wanted, only the forwarding rules without a chain of ours are not recognised.
    const known = removal(parseSaved(ours), [wanted], oldRules(input))
    const clean = parseSaved(apply(ours, known?.script ?? ''))
    assert.deepEqual(
      [...(clean.get('filter')?.rules ?? [])].flatMap(([, rules]) => rules),
      ['-o docker0 -j DOCKER'],
    )
    assert.deepEqual(
      [...(rest.get('nat')?.rules ?? [])].flatMap(([, rules]) => rules),
      [],
    )
    assert.equal(
      [...(clean.get('filter')?.chains ?? [])].some((chain) => chain.startsWith('WEAVE')),
      false,
    )
  }
  assert.equal(removal(parseSaved(docker), [iptablesRules(input, true)], oldRules(input)), undefined)
})

test('rules are the same whatever the order of their matches, and differ by negation', () => {
  assert.equal(ruleKey('-i a ! -o b -j ACCEPT'), ruleKey('! -o b -i a -j ACCEPT'))
  assert.notEqual(ruleKey('-i a ! -o b -j ACCEPT'), ruleKey('! -i a -o b -j ACCEPT'))
  assert.notEqual(ruleKey('-i a -o b -j ACCEPT'), ruleKey('-i b -o a -j ACCEPT'))
  assert.equal(
    ruleKey('-m comment --comment "a -j b" -j DROP'),
    ruleKey('-j DROP -m comment --comment "a -j b"'),
  )
})

test('our own table is replaced in one step and holds only what was asked for', () => {
  const script = nftScript(input, 'weave')
  assert.match(script, /^add table ip weave\ndelete table ip weave\ntable ip weave \{/)
  assert.match(
    script,
    /ip saddr 10\.32\.0\.0\/12 ip daddr != 10\.32\.0\.0\/12 counter masquerade fully-random/,
  )
  const bare = nftScript({ bridge: 'weave', port: 6783, exposed: [] }, 'weave')
  assert.doesNotMatch(bare, /drop|masquerade|docker/)
})
