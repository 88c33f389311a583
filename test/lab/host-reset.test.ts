import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Lab } from './lab.ts'
import { meshed, tools } from './traffic.ts'

/** Counters, times and process ids differ from one look to the next; all else must be equal. */
const LOOKS: Readonly<Record<string, string>> = {
  // Whether a bridge has a carrier follows its ports a moment later.
  links:
    'ip -o -d link | sed "s/@if[0-9]*//; s/^[0-9]*: //; s/promiscuity.*//; s/NO-CARRIER,//; s/state [A-Z]*//" | grep -v "^veth[0-9a-f]*:"',
  addresses: 'ip -o -4 addr | sed "s/valid_lft.*//; s/^[0-9]*: //"',
  // Link-local addresses come up by themselves, some time after their interface.
  routes: 'ip route show table all | sed "s: linkdown::" | grep -vE "^multicast|fe80:"',
  rules: 'ip rule',
  nft: 'nft -s list ruleset',
  // A legacy table that was looked at once stays, with chains that accept everything.
  legacy: 'iptables-legacy-save 2>&1 | grep -vE "^#|^\\*mangle|^COMMIT|^:[A-Z]+ ACCEPT" || true',
  sysctls:
    'sysctl -a --pattern "^net\\.(ipv4|ipv6|bridge)\\." 2>&1 | grep -vE "random|cookie|stable_secret|nf_conntrack|\\.veth[0-9a-f]+\\.|hash|_mem |fib_trie|default_tcp"',
  bpffs: 'ls -R /sys/fs/bpf 2>/dev/null || true',
  mounts: 'grep -c bpf /proc/mounts || true',
  sockets:
    'ss -xlnH | awk "{print \\$5}" | grep -v containerd | sort; ss -tulnH | awk "{print \\$1, \\$5}" | sort',
  files: 'find /var/lib /var/run/ /etc /var/log -xdev -maxdepth 3 -iname "*weave*" 2>/dev/null || true',
  processes: 'ps -eo args | grep -E "weave|supervis" | grep -v grep || true',
  networks: 'docker network ls --format "{{.Name}} {{.Driver}}"',
}

type Looks = Readonly<Record<string, string>>

/** Lines that only one of the two has. */
function changes(before: Looks, after: Looks): Record<string, string[]> {
  const found: Record<string, string[]> = {}
  for (const name of Object.keys(LOOKS)) {
    const [old, now] = [before, after].map((looks) => (looks[name] ?? '').split('\n'))
    const gone = old?.filter((line) => !now?.includes(line)).map((line) => `- ${line}`) ?? []
    const come = now?.filter((line) => !old?.includes(line)).map((line) => `+ ${line}`) ?? []
    if (gone.length + come.length > 0) found[name] = [...gone, ...come]
  }
  return found
}

for (const iptables of ['nft', 'legacy'] as const) {
  describe(`weave reset on hosts with iptables-${iptables}`, () => {
    test('leaves a host as it was before weave was ever launched', async () => {
      await using lab = await Lab.up({ hosts: 2, tools: true, iptables, forwardDrop: true })
      const look = async (): Promise<Looks> => {
        const seen: Record<string, string> = {}
        for (const [name, line] of Object.entries(LOOKS)) seen[name] = await lab.sh(1, line)
        return seen
      }
      // Docker makes this bridge with the first container that needs it, and keeps it.
      const named = 'com.docker.network.bridge.name=docker_gwbridge'
      await lab.docker(1, 'network', 'create', '-d', 'bridge', '-o', named, 'docker_gwbridge')
      const before = await look()

      await lab.weave(1, 'launch')
      await lab.weave(2, 'launch', 'host1')
      await meshed(lab, [1, 2], 1)
      await tools(lab, 1, 'box')
      await lab.docker(1, 'run', '-d', '--name', 'plain', 'busybox', 'sleep', '1000')
      await lab.weave(1, 'attach', 'plain')
      await lab.weave(1, 'expose')
      const running = Object.keys(changes(before, await look()))
      for (const name of ['links', 'addresses', 'routes', 'nft', 'processes', 'files', 'networks']) {
        assert.ok(running.includes(name), `${name} shows nothing of weave while it runs`)
      }

      await lab.docker(1, 'rm', '-f', 'box', 'plain')
      await lab.weave(1, 'reset')
      assert.deepEqual(changes(before, await look()), {})
    })
  })
}
