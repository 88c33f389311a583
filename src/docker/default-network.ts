import { messageOf } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import type { EngineApi } from './engine/engine.ts'
import type { ObserverEvent } from './engine/observer.ts'
import { multicastOption } from './plugin/network-options.ts'

interface DefaultNetworkParts {
  readonly engine: EngineApi
  readonly log: Log
  /** The name of the network, `weave` unless `--mesh-network-name` says otherwise. */
  readonly name: string
  readonly driver: string
  /** In CIDR notation. */
  readonly subnet: string
  readonly multicast: boolean
}

/** What came of removing the network: still there when containers, running or not, refer to it. */
export type Removal =
  | { readonly kind: 'removed' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'in-use'; readonly containerIds: readonly string[] }

/**
 * Sees to it that Docker has the default network, under one id for as long as containers refer to it: a container
 * that was stopped finds its network by that id only.
 */
export class DefaultNetwork {
  readonly name: string
  readonly #parts: DefaultNetworkParts
  #wanted = true
  #problem: string | undefined
  #settled = false

  constructor(parts: DefaultNetworkParts) {
    this.#parts = parts
    this.name = parts.name
  }

  /** Whether Docker was asked since it was last connected; then either there is a network or a problem. */
  get settled(): boolean {
    return this.#settled
  }

  /** Why there is no default network, for status; undefined when there is one. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** For the observer: makes the network when Docker comes, and anew when `docker network prune` took it. */
  async handle(event: ObserverEvent): Promise<void> {
    const gone = event.kind === 'network-destroyed' && event.name === this.name
    if (event.kind === 'engine-connected' || gone) await this.#ensure()
  }

  async #ensure(): Promise<void> {
    if (!this.#wanted) return
    const { engine, driver, log, name } = this.#parts
    try {
      const existing = await engine.network(name)
      if (existing === undefined) {
        const id = await engine.createNetwork({
          name,
          driver,
          subnet: this.#parts.subnet,
          options: { [multicastOption]: String(this.#parts.multicast) },
        })
        log.info('created the default network', { network: name, id: id.slice(0, 12) })
      } else if (existing.driver !== driver) {
        this.#report(
          `network ${name} exists with driver ${existing.driver} instead of ${driver}; remove it, or choose another name with --mesh-network-name`,
        )
        return
      }
      this.#problem = undefined
    } catch (thrown) {
      this.#report(messageOf(thrown))
    } finally {
      this.#settled = true
    }
  }

  /** For `weave stop` and `weave reset`. It is not made again afterwards. */
  async remove(): Promise<Removal> {
    this.#wanted = false
    const { engine, driver, name } = this.#parts
    const existing = await engine.network(name)
    if (existing === undefined || existing.driver !== driver) return { kind: 'absent' }
    // Stopped containers keep the id of their network: removing it would keep them from ever starting again.
    const containerIds = await engine.containerIds({ all: true, network: existing.id })
    if (containerIds.length > 0) return { kind: 'in-use', containerIds }
    await engine.removeNetwork(existing.id)
    return { kind: 'removed' }
  }

  #report(problem: string): void {
    this.#problem = problem
    this.#parts.log.error('no default network', { network: this.name, reason: problem })
  }
}
