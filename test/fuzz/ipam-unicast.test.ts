import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IPAM_CHANNEL, TAKEOVER_CHANNEL } from '../../src/ipam/gossiper.ts'
import { Ipam } from '../../src/ipam/ipam.ts'
import { StoredIpamState } from '../../src/ipam/stored-state.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { formatCidr, parseCidr } from '../../src/lib/ip4.ts'
import { parsePeerName } from '../../src/lib/peer-name.ts'
import { systemRng } from '../../src/lib/rng.ts'
import { encodeGossipUnicast, Tag } from '../../src/mesh/message.ts'
import { MemoryStore } from '../../src/state/memory-store.ts'
import { eventually } from '../support/eventually.ts'
import { LogLines } from '../support/log-lines.ts'
import { TestMesh } from '../support/mesh-router.ts'
import { RawPeer } from '../support/raw-peer.ts'

/** What kills an original peer (no payload) or blocks the reader of the connection for ever (a type that it does not know). */
for (const [what, payload, isFatal] of [
  ['without a payload', new Uint8Array(0), true],
  ['of an unknown type', Uint8Array.of(99), false],
  ['that is cut short', Uint8Array.of(0), true],
] as const) {
  test(`a unicast to the allocator ${what} harms nobody but its sender, over real sockets`, async () => {
    await using mesh = new TestMesh()
    const log = new LogLines()
    const target = await mesh.start(200, {}, { log })
    const range = parseCidr('10.32.0.0/24')
    const init = { kind: 'consensus', peers: 1 } as const
    await using ipam = new Ipam(
      {
        clock: systemClock,
        rng: systemRng,
        log,
        store: new StoredIpamState(new MemoryStore()),
        isKnown: () => true,
      },
      { name: target.name, nickname: 'peer200', uid: 1n, range, defaultSubnet: range, init, quorum: () => 1 },
    )
    const allocation = target.router.channel(IPAM_CHANNEL, ipam.gossiper)
    const takeover = target.router.channel(TAKEOVER_CHANNEL, ipam.takeoverGossiper)
    await ipam.start({ allocation, takeover }, [])

    await using peer = await RawPeer.introduced(target, mesh.address(7))
    const message = { channel: IPAM_CHANNEL, source: parsePeerName('::1'), destination: target.name }
    peer.send(Tag.gossipUnicast, encodeGossipUnicast({ ...message, payload }))
    if (isFatal) await peer.untilClosed()
    const arrived = (): number | undefined =>
      target.router.status().channels.find(({ name }) => name === IPAM_CHANNEL)?.messagesIn
    await eventually('the message to have arrived', () => arrived() === 1)
    if (!isFatal) {
      // The reader goes on with what comes behind.
      peer.send(Tag.gossipUnicast, encodeGossipUnicast({ ...message, payload }))
      await eventually('the next message', () => arrived() === 2)
      assert.equal(peer.closed, false)
    }
    assert.equal(formatCidr(await ipam.allocate('c1')), '10.32.0.1/24')
    assert.deepEqual(
      log.lines.filter(({ level }) => level === 'error'),
      [],
    )
  })
}
