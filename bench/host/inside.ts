import { Host } from '../../src/host/host.ts'
import { parseCidr } from '../../src/lib/ip4.ts'
import { silentLog } from '../../src/lib/log.ts'
import { parseMac } from '../../src/lib/mac.ts'
import { Container, run } from '../../test/root/support/namespaces.ts'

/** Milliseconds of one call: by the clock, and of this process's own work. */
export interface Sample {
  readonly call: 'attach' | 'detach' | 'create endpoint' | 'delete endpoint' | 'ip commands'
  readonly ms: number
  readonly cpuMs: number
}

const CIDRS = [parseCidr('10.32.0.1/12')]
const samples: Sample[] = []

async function measure(call: Sample['call'], act: () => unknown): Promise<void> {
  const cpu = process.cpuUsage()
  const start = performance.now()
  await act()
  const ms = performance.now() - start
  const used = process.cpuUsage(cpu)
  samples.push({ call, ms, cpuMs: (used.user + used.system) / 1000 })
}

/** What it takes with processes: the least that gives the same interface, without isolation and announcement. */
function attachByCommands(pid: number): void {
  const inside = ['nsenter', '-t', String(pid), '-n', 'ip'] as const
  const pair = ['type', 'veth', 'peer', 'name', 'eth7', 'netns', String(pid)]
  run('ip', 'link', 'add', `bench${pid}`, 'mtu', '1376', ...pair)
  run('ip', 'link', 'set', `bench${pid}`, 'master', 'weave', 'up')
  run(...inside, 'addr', 'add', '10.32.0.1/12', 'dev', 'eth7')
  run(...inside, 'link', 'set', 'eth7', 'up')
}

const host = new Host({ log: silentLog })
await host.ensureBridge({ mac: parseMac('02:00:00:00:00:01'), mtu: 1376 })
const rounds = Number(process.argv[2])
// The first rounds load modules and compile the code: they are no part of the figures.
for (let round = -3; round < rounds; round++) {
  const container = await Container.start()
  const { netns, pid } = container
  const endpoint = `${pid}`.padEnd(64, '0')
  await measure('attach', () => host.attach(netns, { id: `${pid}`, cidrs: CIDRS }))
  await measure('detach', () => host.detach(netns, { cidrs: CIDRS }))
  await measure('create endpoint', () => host.createEndpoint(endpoint))
  await measure('delete endpoint', () => host.deleteEndpoint(endpoint))
  await measure('ip commands', () => attachByCommands(pid))
  await container.stop()
  if (round < 0) samples.length = 0
}
await host.stop()
console.log(JSON.stringify(samples))
