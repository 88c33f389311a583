import type { Cidr } from '../lib/ip4.ts'
import type { Mac } from '../lib/mac.ts'
import type { EngineApi } from './engine/engine.ts'
import { containerNamespaces, unlessGone } from './namespaces.ts'

/** An interface of a container on the overlay. */
export interface Attachment {
  /** The name or id that was asked for, else the container's full id. */
  readonly container: string
  readonly containerId: string
  readonly ifname: string
  readonly mac: Mac
  readonly cidrs: readonly Cidr[]
}

/** Looks into namespaces; the host part satisfies it. */
export interface NamespaceAddresses {
  /** Interfaces whose other end is a port of our bridge. */
  addresses(netnsPath: string): Promise<
    readonly {
      readonly ifname: string
      readonly mac: Mac
      readonly cidrs: readonly Cidr[]
      /** The port of the bridge at the other end. */
      readonly port: string
    }[]
  >
}

interface PsParts {
  readonly engine: EngineApi
  readonly ports: NamespaceAddresses
  readonly procPath?: string
}

/**
 * The containers on the overlay, however they got there (cli §1.11): all running ones, or those named. Unknown,
 * stopped and unattached containers are left out. Docker is asked only about names.
 */
export async function attachments(
  parts: PsParts,
  containers?: readonly string[],
): Promise<readonly Attachment[]> {
  if (containers === undefined) return await allAttachments(parts)
  const found = await Promise.all(containers.map((container) => attachmentsOf(parts, container)))
  return found.flat()
}

async function allAttachments({ ports, procPath = '/proc' }: PsParts): Promise<readonly Attachment[]> {
  const found: Attachment[] = []
  for (const namespace of containerNamespaces(procPath)) {
    const interfaces = await unlessGone(ports.addresses(namespace.path))
    if (interfaces.length === 0) continue
    for (const containerId of namespace.containers()) {
      found.push(...interfaces.map((each) => ({ ...each, container: containerId, containerId })))
    }
  }
  return found
}

async function attachmentsOf(parts: PsParts, asked: string): Promise<readonly Attachment[]> {
  const container = await parts.engine.container(asked)
  if (container === undefined || !container.running || container.networkMode === 'host') return []
  const path = `${parts.procPath ?? '/proc'}/${container.pid}/ns/net`
  const interfaces = await unlessGone(parts.ports.addresses(path))
  return interfaces.map((each) => ({ ...each, container: asked, containerId: container.id }))
}
