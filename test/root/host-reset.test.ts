import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { Host } from '../../src/host/host.ts'
import { parseCidr, parseIp4 } from '../../src/lib/ip4.ts'
import { silentLog } from '../../src/lib/log.ts'
import { parseMac } from '../../src/lib/mac.ts'
import { Container, inOwnNamespaces, run } from './support/namespaces.ts'

const SPEC = {
  port: 6783,
  controlPort: 6784,
  dockerBridge: { name: 'docker0', address: parseIp4('172.17.0.1') },
}

const outputOf = (...argv: string[]): string => {
  const done = spawnSync(argv[0] ?? '', argv.slice(1), { encoding: 'utf8' })
  return `${done.stdout}${done.stderr}`
}

/** Counters and times differ from one look to the next; all else must be equal. */
const normal = (text: string): string =>
  text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .map((line) => line.replace(/\[\d+:\d+\]/, '').replace(/packets \d+ bytes \d+/, ''))
    .join('\n')

/** Everything in the kernel that a reset must leave as it was. */
const snapshot = (): Record<string, string> => ({
  links: run('ip', '-o', '-d', 'link'),
  addresses: run('ip', '-o', '-4', 'addr').replace(/valid_lft.*/g, ''),
  routes: run('ip', 'route', 'show', 'table', 'all'),
  rules: run('ip', 'rule'),
  nft: normal(run('nft', '-s', 'list', 'ruleset')),
  'iptables-nft': normal(outputOf('iptables-nft-save')),
  'iptables-legacy': normal(outputOf('iptables-legacy-save')),
  sysctls: outputOf('sysctl', '-a', '--pattern', '^net\\.(ipv4|ipv6|bridge)\\.')
    .split('\n')
    // Moving values, not settings.
    .filter(
      (line) => !/random|_size|cookie|stable_secret|netfilter\.nf_conntrack_count|hash_entries/.test(line),
    )
    .join('\n'),
})

inOwnNamespaces(import.meta.filename, () => {
  for (const backend of ['nft', 'legacy'] as const) {
    test(`a reset leaves nothing on a host with iptables-${backend}`, async (t) => {
      run('mount', '--bind', `/usr/sbin/iptables-${backend}`, '/usr/sbin/iptables')
      run(`iptables-${backend}`, '-P', 'FORWARD', 'DROP')
      run(`iptables-${backend}`, '-t', 'nat', '-A', 'POSTROUTING', '-s', '172.17.0.0/16', '-j', 'MASQUERADE')
      run(`iptables-${backend}`, '-t', 'mangle', '-L')
      const container = await Container.start()
      const host = new Host({ log: silentLog })
      t.after(async () => {
        await host.stop()
        await container.stop()
        run('umount', '/usr/sbin/iptables')
      })
      const before = snapshot()

      await host.ensureBridge({ mac: parseMac('02:aa:bb:cc:dd:ee'), mtu: 1376 })
      await host.ensureFirewall(SPEC)
      await host.start()
      await host.expose(parseCidr('10.32.0.1/12'), { masquerade: true })
      await host.attach(container.netns, { id: String(container.pid), cidrs: [parseCidr('10.32.0.2/12')] })
      await host.createEndpoint('0123456789abcdef')
      await host.ensureDatapathPair({ mtu: 1376 })
      await host.ensureVxlan({ port: 6784, mtu: 1376 })
      assert.deepEqual([...(await host.inventory()).links].sort(), [
        'vethwe-bridge',
        'vethwe-datapath',
        `vethwepl${String(container.pid).slice(0, 7)}`,
        'vethwg012345678',
        'vethwl012345678',
        'vxlan-6784',
        'weave',
      ])
      assert.notDeepEqual(snapshot(), before)

      await host.reset(SPEC)
      assert.deepEqual(snapshot(), before)
      assert.deepEqual(await host.inventory(), { links: [], exposed: [] })
      await host.reset(SPEC)
      assert.deepEqual(snapshot(), before)
    })
  }

  test('a reset takes away what the original left', async () => {
    const before = snapshot()
    run('ip', 'link', 'add', 'weave', 'type', 'bridge')
    run('ip', 'link', 'add', 'vethwe-bridge', 'type', 'veth', 'peer', 'name', 'vethwe-pcap')
    run('ip', 'link', 'add', 'vethwebldocker0', 'type', 'veth', 'peer', 'name', 'vethwebgdocker0')
    for (const line of [
      '-t nat -N WEAVE',
      '-t nat -A POSTROUTING -j WEAVE',
      '-t nat -A POSTROUTING -o weave -j ACCEPT',
      '-t nat -A WEAVE -s 10.32.0.0/12 ! -d 10.32.0.0/12 -j MASQUERADE',
      '-t mangle -N WEAVE-CANARY',
      '-N WEAVE-NPC',
      '-N WEAVE-NPC-EGRESS',
      '-A INPUT -i weave -j WEAVE-NPC-EGRESS',
      '-A FORWARD -i docker0 -o weave -j DROP',
      '-A FORWARD -o weave -j WEAVE-NPC',
      '-A FORWARD -o weave -m state --state NEW -j NFLOG --nflog-group 86',
      '-A FORWARD -o weave -j DROP',
      '-A FORWARD -i weave ! -o weave -j ACCEPT',
      '-A INPUT -i docker0 -p udp --dport 53 -j ACCEPT',
      '-A INPUT -i docker0 -d 172.30.0.1 -p udp --dport 6784 -j DROP',
      '-A INPUT -d 127.0.0.1 -p tcp --dport 6784 -m addrtype ! --src-type LOCAL -m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP -m comment --comment',
    ]) {
      const comment = line.includes('--comment') ? ['Block non-local access to Weave Net control port'] : []
      run('iptables-nft', ...line.split(' '), ...comment)
    }
    const host = new Host({ log: silentLog })
    await host.reset()
    await host.stop()
    assert.deepEqual(snapshot(), before)
  })
})
