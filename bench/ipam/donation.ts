import { join } from 'node:path'
import type { IpamChannel } from '../../src/ipam/gossiper.ts'
import { Ipam } from '../../src/ipam/ipam.ts'
import { StoredIpamState } from '../../src/ipam/stored-state.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { type Ip4, parseCidr } from '../../src/lib/ip4.ts'
import { silentLog } from '../../src/lib/log.ts'
import { type PeerName, parsePeerName } from '../../src/lib/peer-name.ts'
import { systemRng } from '../../src/lib/rng.ts'
import { LmdbStore } from '../../src/state/lmdb-store.ts'

const DONATIONS = 50
/** Of the link between the two peers, each way. */
const DELAY = 5
const OWNER = parsePeerName('02:00:00:00:00:01')
const ASKER = parsePeerName('02:00:00:00:00:02')

/**
 * Two peers on stores of their own, one of which owns everything: how long the other one's requests take that need
 * space from it, each in another subnet, less the round trip. In ms.
 */
export async function donations(directory: string): Promise<number[]> {
  const stores = [OWNER, ASKER].map((name) => LmdbStore.open(join(directory, `donation-${name}`)))
  const peers = new Map<PeerName, Ipam>()
  const later = (act: () => void): void => {
    setTimeout(act, DELAY)
  }
  const channelFrom = (from: PeerName): IpamChannel => ({
    unicast: (to, payload) => {
      later(() => peers.get(to)?.gossiper.onUnicast(from, payload))
      return undefined
    },
    broadcast: (state) => {
      const payloads = state.encode()
      for (const [name, peer] of peers) {
        if (name === from) continue
        for (const payload of payloads) later(() => peer.gossiper.onBroadcast(from, payload))
      }
    },
  })
  const range = parseCidr('10.32.0.0/12')
  for (const [i, name] of [OWNER, ASKER].entries()) {
    const store = stores[i]
    if (store === undefined) continue
    const ipam = new Ipam(
      {
        clock: systemClock,
        rng: systemRng,
        log: silentLog,
        store: new StoredIpamState(store),
        isKnown: () => true,
      },
      {
        name,
        nickname: `bench${i}`,
        uid: systemRng.u64(),
        range,
        defaultSubnet: range,
        init: { kind: 'seed', peers: [OWNER] },
        quorum: () => 1,
      },
    )
    peers.set(name, ipam)
    await ipam.start({ allocation: channelFrom(name), takeover: { unicast: () => undefined } }, [])
  }
  const times: number[] = []
  for (let i = 0; i < DONATIONS; i++) {
    const subnet = { addr: (range.addr + 256 * i) as Ip4, prefixLen: 24 }
    const began = performance.now()
    await peers.get(ASKER)?.allocate(`c${i}`, subnet)
    times.push(performance.now() - began - 2 * DELAY)
  }
  for (const peer of peers.values()) await peer.stop()
  for (const store of stores) await store.close()
  return times
}
