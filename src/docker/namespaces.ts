import { readdirSync, readFileSync, statSync } from 'node:fs'
import { WeaveError } from '../lib/errors.ts'

/** A network namespace other than ours, as its processes show it. */
export interface ContainerNamespace {
  /** `/proc/PID/ns/net` of its process with the lowest pid: a container's first. */
  readonly path: string
  /** Full ids of the containers that its processes belong to; several may share a namespace. */
  containers(): readonly string[]
}

/** The last part of a control group's path, with either cgroup driver of Docker, and with containerd. */
const containerId = /(?:^|[/:-])([0-9a-f]{64})(?:\.scope)?$/m

/** All network namespaces that processes of this host live in, without asking Docker. */
export function containerNamespaces(procPath: string): readonly ContainerNamespace[] {
  const own = namespaceOf('/proc/self')
  const pidsByNamespace = new Map<number, string[]>()
  for (const pid of pidsOf(procPath)) {
    const namespace = namespaceOf(`${procPath}/${pid}`)
    if (namespace === undefined || namespace === own) continue
    const pids = pidsByNamespace.get(namespace)
    if (pids === undefined) pidsByNamespace.set(namespace, [pid])
    else pids.push(pid)
  }
  return [...pidsByNamespace.values()].map((pids) => ({
    path: `${procPath}/${pids[0]}/ns/net`,
    containers: () => containersOf(procPath, pids),
  }))
}

/** Nothing, where the namespace has gone since it was found. */
export async function unlessGone<Found>(looking: Promise<readonly Found[]>): Promise<readonly Found[]> {
  try {
    return await looking
  } catch (thrown) {
    if (thrown instanceof WeaveError && thrown.code === 'no-namespace') return []
    throw thrown
  }
}

function pidsOf(procPath: string): string[] {
  const pids = readdirSync(procPath).filter((name) => /^\d+$/.test(name))
  return pids.sort((a, b) => Number(a) - Number(b))
}

/** The namespace's inode; undefined when the process is gone. */
function namespaceOf(process: string): number | undefined {
  try {
    return statSync(`${process}/ns/net`).ino
  } catch {
    return undefined
  }
}

function containersOf(procPath: string, pids: readonly string[]): readonly string[] {
  const ids = new Set<string>()
  for (const pid of pids) {
    const id = containerOf(`${procPath}/${pid}/cgroup`)
    if (id !== undefined) ids.add(id)
  }
  return [...ids]
}

function containerOf(cgroupPath: string): string | undefined {
  try {
    return containerId.exec(readFileSync(cgroupPath, 'utf8'))?.[1]
  } catch {
    return undefined
  }
}
