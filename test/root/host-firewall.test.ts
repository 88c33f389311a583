import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, symlinkSync } from 'node:fs'
import { after, afterEach, before, test } from 'node:test'
import { Host } from '../../src/host/host.ts'
import type { HostEvent } from '../../src/host/types.ts'
import { parseCidr, parseIp4 } from '../../src/lib/ip4.ts'
import { silentLog } from '../../src/lib/log.ts'
import { parseMac } from '../../src/lib/mac.ts'
import { inOwnNamespaces, run } from './support/namespaces.ts'

const SPEC = {
  port: 6783,
  controlPort: 6784,
  dockerBridge: { name: 'docker0', address: parseIp4('172.17.0.1') },
}

const FORWARD = [
  '-A FORWARD -i weave -o weave -j ACCEPT',
  '-A FORWARD -o weave -j WEAVE-EXPOSE',
  '-A FORWARD -i weave ! -o weave -j ACCEPT',
  '-A FORWARD -o weave -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
]

inOwnNamespaces(import.meta.filename, () => {
  const path = process.env['PATH'] ?? ''
  const hosts: Host[] = []

  /** A host whose `iptables` is of that kind, as update-alternatives would have it. */
  async function hostWith(
    kind: 'nft' | 'legacy',
    onEvent: (event: HostEvent) => void = () => undefined,
  ): Promise<Host> {
    const bin = `/run/${kind}`
    mkdirSync(bin, { recursive: true })
    for (const suffix of ['', '-save', '-restore']) {
      if (spawnSync('test', ['-e', `${bin}/iptables${suffix}`]).status !== 0) {
        symlinkSync(`/usr/sbin/iptables-${kind}${suffix}`, `${bin}/iptables${suffix}`)
      }
    }
    process.env['PATH'] = `${bin}:${path}`
    const host = new Host({ log: silentLog }, { onEvent })
    hosts.push(host)
    await host.ensureBridge({ mac: parseMac('02:aa:bb:cc:dd:ee'), mtu: 1376 })
    return host
  }

  const rules = (kind: string, table: string, chain?: string): string[] =>
    run(`iptables-${kind}`, '-t', table, '-S', ...(chain === undefined ? [] : [chain]))
      .trim()
      .split('\n')

  before(() => run('sysctl', '-qw', 'net.ipv4.ip_forward=1'))
  afterEach(async () => {
    for (const host of hosts.splice(0)) {
      await host.reset(SPEC)
      await host.stop()
    }
    process.env['PATH'] = path
  })
  after(() => assert.equal(process.env['PATH'], path))

  for (const kind of ['nft', 'legacy'] as const) {
    test(`${kind}: forwarding over the bridge is accepted though Docker's policy is DROP`, async () => {
      run(`iptables-${kind}`, '-P', 'FORWARD', 'DROP')
      run(`iptables-${kind}`, '-A', 'FORWARD', '-o', 'docker0', '-j', 'ACCEPT')
      const host = await hostWith(kind)
      await host.ensureFirewall(SPEC)

      assert.deepEqual(rules(kind, 'filter', 'FORWARD').slice(1, 5), FORWARD)
      assert.deepEqual(rules(kind, 'filter', 'INPUT').slice(1), [
        '-A INPUT -i docker0 -p udp -m udp --dport 53 -j ACCEPT',
        '-A INPUT -i docker0 -p tcp -m tcp --dport 53 -j ACCEPT',
      ])
      const table = run('nft', 'list', 'table', 'ip', 'weave')
      assert.match(
        table,
        /iifname "docker0" ip daddr 172\.17\.0\.1 udp dport \{ 6783, 6784 \} counter .* drop/,
      )
      assert.match(
        table,
        /tcp dport 6784 fib saddr type != local ct state != \{ established, related \} counter .* drop/,
      )
      run(`iptables-${kind}`, '-P', 'FORWARD', 'ACCEPT')
      run(`iptables-${kind}`, '-F', 'FORWARD')
    })

    test(`${kind}: a second call changes nothing, and a user's own rules stay where they are`, async () => {
      const host = await hostWith(kind)
      await host.ensureFirewall(SPEC)
      run(`iptables-${kind}`, '-I', 'FORWARD', '-i', 'eth7', '-j', 'DROP')
      run(`iptables-${kind}`, '-t', 'nat', '-A', 'WEAVE', '-s', '192.0.2.0/24', '-j', 'RETURN')
      const before = rules(kind, 'filter').concat(rules(kind, 'nat'))
      await host.ensureFirewall(SPEC)
      assert.deepEqual(rules(kind, 'filter').concat(rules(kind, 'nat')), before)
      run(`iptables-${kind}`, '-D', 'FORWARD', '-i', 'eth7', '-j', 'DROP')
    })

    test(`${kind}: rules come back within seconds after they were flushed, and the event names them`, async () => {
      let restored: (event: HostEvent) => void = () => undefined
      const event = new Promise<HostEvent>((resolve) => {
        restored = resolve
      })
      const host = await hostWith(kind, (seen) => seen.kind === 'firewall-restored' && restored(seen))
      await host.ensureFirewall(SPEC)
      await host.start()
      for (const table of ['filter', 'nat', 'mangle']) {
        run(`iptables-${kind}`, '-t', table, '-F')
        run(`iptables-${kind}`, '-t', table, '-X')
      }

      const started = performance.now()
      const seen = await event
      assert.ok(performance.now() - started < 5000)
      assert.ok(seen.kind === 'firewall-restored' && seen.missing.includes('mangle WEAVE-CANARY'))
      assert.deepEqual(rules(kind, 'filter', 'FORWARD').slice(1, 5), FORWARD)
    })

    test(`${kind}: exposing masquerades unless told otherwise, hiding leaves no rule`, async () => {
      const host = await hostWith(kind)
      await host.ensureFirewall(SPEC)
      await host.expose(parseCidr('10.32.0.1/12'), { masquerade: true })
      await host.expose(parseCidr('10.99.0.1/24'), { masquerade: false })

      const table = run('nft', '-s', 'list', 'chain', 'ip', 'weave', 'postrouting')
      assert.match(table, /ip saddr 10\.32\.0\.0\/12 ip daddr 224\.0\.0\.0\/4 return/)
      assert.match(
        table,
        /ip saddr 10\.32\.0\.0\/12 ip daddr != 10\.32\.0\.0\/12 counter masquerade fully-random/,
      )
      assert.doesNotMatch(table, /10\.99/)
      assert.deepEqual(rules(kind, 'filter', 'WEAVE-EXPOSE').slice(1), [
        '-A WEAVE-EXPOSE -d 10.32.0.0/12 -j ACCEPT',
        '-A WEAVE-EXPOSE -d 10.99.0.0/24 -j ACCEPT',
      ])

      await host.hide(parseCidr('10.32.0.1/12'))
      await host.hide(parseCidr('10.99.0.1/24'))
      assert.doesNotMatch(run('nft', 'list', 'table', 'ip', 'weave'), /masquerade/)
      assert.deepEqual(rules(kind, 'filter', 'WEAVE-EXPOSE'), ['-N WEAVE-EXPOSE'])
    })

    test(`${kind}: without nft, iptables does all of it`, async () => {
      const host = await hostWith(kind)
      run('mount', '--bind', '/bin/false', '/usr/sbin/nft')
      try {
        await host.ensureFirewall(SPEC)
        await host.expose(parseCidr('10.32.0.1/12'), { masquerade: true })
        assert.deepEqual(rules(kind, 'nat', 'WEAVE').slice(1), [
          '-A WEAVE -s 10.32.0.0/12 -d 224.0.0.0/4 -j RETURN',
          '-A WEAVE ! -s 10.32.0.0/12 -d 10.32.0.0/12 -j MASQUERADE --random-fully',
          '-A WEAVE -s 10.32.0.0/12 ! -d 10.32.0.0/12 -j MASQUERADE --random-fully',
        ])
        assert.deepEqual(rules(kind, 'filter', 'INPUT').slice(1, 5), [
          '-A INPUT -d 172.17.0.1/32 -i docker0 -p tcp -m tcp --dport 6783 -j DROP',
          '-A INPUT -d 172.17.0.1/32 -i docker0 -p udp -m udp --dport 6783 -j DROP',
          '-A INPUT -d 172.17.0.1/32 -i docker0 -p udp -m udp --dport 6784 -j DROP',
          '-A INPUT -d 127.0.0.1/32 -p tcp -m tcp --dport 6784 -m addrtype ! --src-type LOCAL -m conntrack ! --ctstate RELATED,ESTABLISHED -m comment --comment "Block non-local access to Weave Net control port" -j DROP',
        ])
        assert.equal(rules(kind, 'filter', 'FORWARD')[1], '-A FORWARD -i docker0 -o weave -j DROP')
        const before = rules(kind, 'filter').concat(rules(kind, 'nat'))
        await host.ensureFirewall(SPEC)
        assert.deepEqual(rules(kind, 'filter').concat(rules(kind, 'nat')), before)
      } finally {
        run('umount', '/usr/sbin/nft')
      }
    })
  }
})
