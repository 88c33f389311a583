import type { PeerName } from '../lib/peer-name.ts'
import type { GossipData } from './gossiper.ts'

/** Gossip for which the neighbours are still to be chosen. */
export type Relay =
  /**
   * To a random subset of the neighbours, but not to `except`; `among` takers: of those neighbours that take the
   * channel, where it would not do to hit others.
   */
  | {
      readonly kind: 'gossip'
      readonly channel: string
      readonly except: PeerName | undefined
      readonly among?: 'takers'
    }
  /** Along the tree of its originator. */
  | { readonly kind: 'broadcast'; readonly channel: string; readonly originator: PeerName }

/** Relays that wait until the routes are calculated anew; equal ones merge (mesh §12). */
export class DeferredRelays {
  readonly #waiting = new Map<string, { readonly relay: Relay; readonly data: GossipData }>()

  add(relay: Relay, data: GossipData): void {
    const peer = relay.kind === 'gossip' ? relay.except : relay.originator
    const among = relay.kind === 'gossip' ? relay.among : undefined
    const key = `${relay.kind} ${peer ?? ''} ${among ?? ''} ${relay.channel}`
    const waiting = this.#waiting.get(key)
    this.#waiting.set(key, { relay, data: waiting?.data.merge(data) ?? data })
  }

  take(): { readonly relay: Relay; readonly data: GossipData }[] {
    const taken = [...this.#waiting.values()]
    this.#waiting.clear()
    return taken
  }
}
