import { eventually, type Lab } from './lab.ts'
import { addressOf } from './plugin-hosts.ts'

/** Starts a container with network tools that stays; gives its address on the network. */
export async function tools(lab: Lab, host: number, name: string): Promise<string> {
  await lab.docker(host, 'run', '-d', '--name', name, '--net=weave', 'nettools', 'sleep', '100000')
  return addressOf(lab, host, name)
}

/** A shell line inside a container. */
export const inside = (lab: Lab, host: number, name: string, line: string): Promise<string> =>
  lab.docker(host, 'exec', name, 'sh', '-c', line)

/** Which overlay each connection of a host uses, from `weave status connections`: peer's nickname → overlay. */
export async function overlays(lab: Lab, host: number): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const line of (await lab.weave(host, 'status', 'connections')).split('\n')) {
    const match = /established\s+(?:encrypted\s+|unencrypted\s+)?(\w+)\s+\S+\((\w+)\)/.exec(line)
    if (match?.[1] !== undefined && match[2] !== undefined) found.set(match[2], match[1])
  }
  return found
}

/** Waits until every host has established connections to `peers` others. */
export async function meshed(lab: Lab, hosts: readonly number[], peers: number): Promise<void> {
  await eventually('all hosts are connected', async () => {
    const counts = await Promise.all(hosts.map(async (host) => (await overlays(lab, host)).size))
    return counts.every((count) => count === peers)
  })
}

/** Writes the datagrams that arrive at a port of a container to a file; gives a function that reads it. */
export async function listen(
  lab: Lab,
  { host, port, options = '' }: { readonly host: number; readonly port: number; readonly options?: string },
): Promise<() => Promise<string>> {
  const name = `box${host}`
  const file = `/tmp/port${port}`
  const line = `: >${file}; exec socat -u UDP-RECVFROM:${port},fork${options} OPEN:${file},append`
  await lab.docker(host, 'exec', '-d', name, 'sh', '-c', line)
  await eventually(
    `${name} listens`,
    async () => (await inside(lab, host, name, `ss -Hlun sport = :${port}`)) !== '',
  )
  return () => inside(lab, host, name, `cat ${file}`)
}

/** Interval between the probes of `gaps`, in ms. */
const PROBE_MS = 100

/**
 * Of what `ping -i0.1` printed: how many probes were lost, and the longest time without an answer, in ms (probes at
 * the end that were never answered count as well).
 */
export function gaps(output: string): { readonly longestMs: number; readonly lost: number } {
  const sent = Number(/(\d+) packets transmitted/.exec(output)?.[1] ?? 0)
  const answered = new Set([...output.matchAll(/icmp_seq=(\d+) ttl/g)].map((match) => Number(match[1])))
  let run = 0
  let longest = 0
  for (let probe = 1; probe <= sent; probe++) {
    run = answered.has(probe) ? 0 : run + 1
    longest = Math.max(longest, run)
  }
  return { longestMs: longest * PROBE_MS, lost: sent - answered.size }
}
