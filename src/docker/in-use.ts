import { readdirSync, readFileSync, statSync } from 'node:fs'
import { WeaveError } from '../lib/errors.ts'
import { type Cidr, formatIp4 } from '../lib/ip4.ts'

/** An address that a container of this host has on the bridge. */
export interface AddressInUse {
  /** The container's id, or the address's own text where Docker's IPAM driver gave it out. */
  readonly ident: string
  readonly cidr: Cidr
  readonly isContainer: boolean
}

interface InUseParts {
  readonly host: {
    addresses(
      netnsPath: string,
    ): Promise<readonly { readonly port: string; readonly cidrs: readonly Cidr[] }[]>
  }
  readonly procPath: string
}

/** Docker endpoints' ends on the bridge (overlay §7.2). */
const endpointPort = /^vethwl/
const containerId = /(?:^|[/:-])([0-9a-f]{64})(?:\.scope)?$/m

/**
 * Finds the addresses of running containers, without Docker: when our state was lost, or an earlier version gave
 * them out, they must be claimed before anybody asks for a new one.
 */
export async function addressesInUse({ host, procPath }: InUseParts): Promise<readonly AddressInUse[]> {
  const found: AddressInUse[] = []
  for (const pid of namespaceOwners(procPath)) {
    for (const { port, cidrs } of await interfacesOf(host, `${procPath}/${pid}/ns/net`)) {
      const id = endpointPort.test(port) ? undefined : containerOfProcess(`${procPath}/${pid}/cgroup`)
      for (const cidr of cidrs) {
        found.push({ ident: id ?? formatIp4(cidr.addr), cidr, isContainer: id !== undefined })
      }
    }
  }
  return found
}

/** One process of each network namespace but our own, the one with the lowest pid: the container's first. */
function namespaceOwners(procPath: string): string[] {
  const owners = new Map<number, string>()
  const pids = readdirSync(procPath).filter((name) => /^\d+$/.test(name))
  for (const pid of pids.sort((a, b) => Number(a) - Number(b))) {
    const namespace = namespaceOf(`${procPath}/${pid}/ns/net`)
    if (namespace !== undefined && !owners.has(namespace)) owners.set(namespace, pid)
  }
  const own = namespaceOf('/proc/self/ns/net')
  if (own !== undefined) owners.delete(own)
  return [...owners.values()]
}

/** The namespace's inode; undefined when the process is gone. */
function namespaceOf(path: string): number | undefined {
  try {
    return statSync(path).ino
  } catch {
    return undefined
  }
}

async function interfacesOf(
  host: InUseParts['host'],
  path: string,
): ReturnType<InUseParts['host']['addresses']> {
  try {
    return await host.addresses(path)
  } catch (thrown) {
    // Gone since we listed it.
    if (thrown instanceof WeaveError && thrown.code === 'no-namespace') return []
    throw thrown
  }
}

function containerOfProcess(cgroupPath: string): string | undefined {
  try {
    return containerId.exec(readFileSync(cgroupPath, 'utf8'))?.[1]
  } catch {
    return undefined
  }
}
