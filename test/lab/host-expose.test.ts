import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { eventually, Lab } from './lab.ts'
import { inside, meshed, tools } from './traffic.ts'

/** The switch of the LAN, a machine that takes no part in the network. */
const OUTSIDE = 0
const OUTSIDE_ADDRESS = '10.99.0.254'

describe('a host on the network of its containers', () => {
  let lab: Lab
  let far = ''
  let exposed = ''

  /** Where the container on host 2 sees a ping of the outside machine come from. */
  async function sourceSeen(): Promise<string | undefined> {
    await lab.docker(
      2,
      'exec',
      '-d',
      'far',
      'sh',
      '-c',
      'exec tcpdump -Z root -lni ethwe0 icmp > /seen 2>/ready',
    )
    await eventually('tcpdump listens', async () =>
      (await inside(lab, 2, 'far', 'cat /ready || true')).includes('listening'),
    )
    await lab.try(OUTSIDE, ['ping', '-c1', '-W1', far])
    const seen = await eventually('the ping is seen', async () => {
      const lines = await inside(lab, 2, 'far', 'cat /seen')
      return /IP (\S+) > \S+: ICMP echo request/.exec(lines)?.[1]
    })
    await inside(lab, 2, 'far', 'pkill tcpdump; rm -f /seen /ready')
    return seen
  }

  before(async () => {
    lab = await Lab.up({ hosts: 2, tools: true, forwardDrop: true })
    await lab.weave(1, 'launch')
    await lab.weave(2, 'launch', 'host1')
    await meshed(lab, [1, 2], 1)
    far = await tools(lab, 2, 'far')
    await lab.sh(OUTSIDE, 'ip route add 10.32.0.0/12 via 10.99.0.1')
  })
  after(() => lab.down())

  test('expose gives the host an address: it reaches containers anywhere, and they reach it', async () => {
    exposed = (await lab.weave(1, 'expose')).trim()
    assert.match(exposed, /^10\.\d+\.\d+\.\d+$/)
    await lab.exec(1, ['ping', '-c1', '-W2', far])
    await inside(lab, 2, 'far', `ping -c1 -W2 ${exposed}`)
  })

  test('who comes from outside through the host is masqueraded', async () => {
    assert.equal(await sourceSeen(), exposed)
  })

  test('flushing every rule of the host does no harm for longer than seconds', async () => {
    await lab.sh(1, 'nft flush ruleset')
    await eventually('our table is back', async () =>
      (await lab.sh(1, 'nft list table ip weave')).includes('masquerade'),
    )
    const rules = await lab.sh(1, 'iptables -S FORWARD')
    assert.match(rules, /-A FORWARD -i weave -o weave -j ACCEPT/)
    await lab.exec(1, ['ping', '-c1', '-W2', far])
  })

  test('a reload of a firewall without our rules, and a user’s own table, do no harm either', async () => {
    await lab.sh(
      1,
      'nft add table inet mine; nft add chain inet mine in { type filter hook input priority 5\\; }',
    )
    await lab.sh(1, 'iptables-save | grep -vi weave | iptables-restore')
    await eventually('our rules are back', async () =>
      (await lab.sh(1, 'iptables -S FORWARD')).includes('-i weave -o weave -j ACCEPT'),
    )
    assert.match(await lab.sh(1, 'nft list tables'), /table inet mine/)
    await lab.exec(1, ['ping', '-c1', '-W2', far])
  })

  test('hide takes address and rules away', async () => {
    await lab.weave(1, 'hide')
    assert.equal(await lab.sh(1, 'ip -4 addr show weave'), '')
    assert.doesNotMatch(await lab.sh(1, 'nft list table ip weave; iptables -S'), /masquerade|WEAVE-EXPOSE -d/)
    assert.notEqual((await lab.try(1, ['ping', '-c1', '-W1', far])).status, 0)
  })

  test('without masquerade the outside address is seen, also after the daemon was killed', async () => {
    await lab.weave(1, 'expose', '--without-masquerade')
    assert.equal(await sourceSeen(), OUTSIDE_ADDRESS)
    await lab.weave(1, 'stop')
    await lab.weave(1, 'launch', '--resume')
    await meshed(lab, [1, 2], 1)
    assert.doesNotMatch(await lab.sh(1, 'nft list table ip weave'), /masquerade/)
    await eventually('the ping is seen again', async () => (await sourceSeen()) === OUTSIDE_ADDRESS)
  })
})
