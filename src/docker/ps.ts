import { WeaveError } from '../lib/errors.ts'
import type { Cidr } from '../lib/ip4.ts'
import type { Mac } from '../lib/mac.ts'
import type { Container } from './engine/container.ts'
import type { EngineApi } from './engine/engine.ts'

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
  addresses(
    netnsPath: string,
  ): Promise<readonly { readonly ifname: string; readonly mac: Mac; readonly cidrs: readonly Cidr[] }[]>
}

interface PsParts {
  readonly engine: EngineApi
  readonly ports: NamespaceAddresses
  readonly procPath?: string
}

/** Containers looked at side by side: each costs a call of the Docker API and some system calls. */
const width = 8

/**
 * The containers on the overlay, however they got there (cli §1.11): all running ones, or those named. Unknown,
 * stopped and unattached containers are left out.
 */
export async function attachments(
  parts: PsParts,
  containers?: readonly string[],
): Promise<readonly Attachment[]> {
  const asked = containers ?? (await parts.engine.containerIds())
  const found: (readonly Attachment[])[] = []
  for (let at = 0; at < asked.length; at += width) {
    found.push(...(await Promise.all(asked.slice(at, at + width).map((one) => attachmentsOf(parts, one)))))
  }
  return found.flat()
}

async function attachmentsOf(parts: PsParts, asked: string): Promise<readonly Attachment[]> {
  const container = await parts.engine.container(asked)
  if (container === undefined || !hasOwnNamespace(container)) return []
  try {
    const interfaces = await parts.ports.addresses(`${parts.procPath ?? '/proc'}/${container.pid}/ns/net`)
    return interfaces.map((each) => ({ ...each, container: asked, containerId: container.id }))
  } catch (thrown) {
    // Stopped between the two looks.
    if (thrown instanceof WeaveError && thrown.code === 'no-namespace') return []
    throw thrown
  }
}

const hasOwnNamespace = (container: Container): boolean =>
  container.running && container.pid > 0 && container.networkMode !== 'host'
