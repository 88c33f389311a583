import { eventually, Lab, type LabOptions } from './lab.ts'

/** What our IPAM says it gave out on a host, ident → CIDRs. */
export type Owned = ReadonlyMap<string, readonly string[]>

/** Hosts with dockerd and weave, joined to one network; host 1 was first. */
export async function launched(options: LabOptions, ...flags: string[]): Promise<Lab> {
  const lab = await Lab.up(options)
  try {
    await lab.weave(1, 'launch', ...flags)
    for (let host = 2; host <= options.hosts; host++) await lab.weave(host, 'launch', ...flags, 'host1')
    return lab
  } catch (thrown) {
    await lab.down()
    throw thrown
  }
}

/** Starts a container that stays, and gives its id. */
export function run(lab: Lab, host: number, name: string, ...flags: string[]): Promise<string> {
  return lab.docker(host, 'run', '-d', '--name', name, ...flags, 'busybox', 'sleep', '100000')
}

/** The container's address on a network, `weave` unless named. */
export async function addressOf(lab: Lab, host: number, name: string, network = 'weave'): Promise<string> {
  const template = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`
  return await lab.docker(host, 'inspect', '-f', template, name)
}

/** Whether a container reaches an address: three attempts of a second each. */
export async function pings(lab: Lab, host: number, name: string, address: string): Promise<boolean> {
  const outcome = await lab.tryDocker(host, 'exec', name, 'ping', '-c', '1', '-w', '3', address)
  return outcome.status === 0
}

export async function owned(lab: Lab, host: number): Promise<Owned> {
  const body = await lab.sh(host, 'curl -sf http://127.0.0.1:6784/ip')
  const list = (JSON.parse(body) as { owned: { containerid: string; addrs: string[] }[] | null }).owned ?? []
  return new Map(list.map(({ containerid, addrs }) => [containerid, addrs]))
}

/** Names that weaveDNS has on a host, as `NAME ADDRESS`, sorted. */
export async function names(lab: Lab, host: number): Promise<string[]> {
  const lines = (await lab.weave(host, 'status', 'dns')).split('\n')
  return lines
    .map((line) => line.trim().split(/\s+/))
    .filter((words) => words.length >= 2)
    .map((words) => `${words[0]} ${words[1]}`)
    .sort()
}

/** Interfaces that plugin endpoints have on a host. */
export async function cables(lab: Lab, host: number): Promise<string[]> {
  const lines = await lab.sh(host, 'ls /sys/class/net | grep -E "^vethw[lg]" || true')
  return lines === '' ? [] : lines.split('\n')
}

/** The daemon's pid: the child of its supervisor. */
const daemonPid = (lab: Lab, host: number): Promise<string> =>
  lab.sh(host, 'pgrep -P "$(cat /run/weave/supervisor.pid)"')

/** Ends the daemon without warning and waits until its supervisor has another one that answers. */
export async function killDaemon(lab: Lab, host: number): Promise<void> {
  const before = await daemonPid(lab, host)
  await lab.sh(host, `kill -9 ${before}`)
  await eventually('another daemon serves', async () => {
    const status = await lab.try(host, ['curl', '-sf', 'http://127.0.0.1:6784/status'])
    return status.status === 0 && (await daemonPid(lab, host)) !== before
  })
}
