import { messageOf } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import type { Container } from './engine/container.ts'
import type { EngineApi } from './engine/engine.ts'
import type { ObserverEvent } from './engine/observer.ts'

interface StrandedParts {
  readonly engine: EngineApi
  readonly isOurs: (driver: string) => boolean
  readonly log: Log
}

/**
 * Starts containers that Docker gave up because the plugin was not there: dockerd tries a restart policy once when
 * it starts itself, and where we come later (plugin §6) those containers would stay down for ever.
 */
export class StrandedContainers {
  readonly #parts: StrandedParts
  #starting: Promise<void> | undefined

  constructor(parts: StrandedParts) {
    this.#parts = parts
  }

  /** For the observer. */
  async handle(event: ObserverEvent): Promise<void> {
    if (event.kind !== 'engine-connected') return
    // Not waited for: Docker's events have to be heard while containers start.
    this.#starting = this.#startAll().catch((thrown: unknown) => {
      this.#parts.log.warn('could not look for containers to start', { error: messageOf(thrown) })
    })
  }

  /** Resolves when what the last connection began is done. */
  async settled(): Promise<void> {
    await this.#starting
  }

  async #startAll(): Promise<void> {
    const { engine, isOurs, log } = this.#parts
    for (const network of await engine.networks()) {
      if (!isOurs(network.driver)) continue
      for (const id of await engine.containerIds({ all: true, network: network.id })) {
        const container = await engine.container(id)
        if (container === undefined || !isStranded(container)) continue
        try {
          await engine.startContainer(id)
          log.info('started a container that Docker could not start without us', {
            container: container.name,
          })
        } catch (thrown) {
          log.warn('a container with a restart policy does not start', {
            container: container.name,
            error: messageOf(thrown),
          })
        }
      }
    }
  }
}

/** What dockerd says of a plugin that it does not find, does not reach, or that refused it. */
const pluginTrouble = /plugin|(?:Network|Ipam)Driver\./

function isStranded(container: Container): boolean {
  const wanted = container.restartPolicy === 'always' || container.restartPolicy === 'unless-stopped'
  // Stopped by the user: there is no error then.
  return wanted && !container.running && pluginTrouble.test(container.startError)
}
