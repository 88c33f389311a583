import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WireError } from '../lib/errors.ts'
import { silentLog } from '../lib/log.ts'
import { peerName } from '../lib/peer-name.ts'
import type { OverlayConnection, OverlayParams } from '../mesh/overlay.ts'
import { DataPlane } from './data-plane.ts'
import type { SubConnection, SubOverlay, SubOverlayEvents } from './sub-overlay.ts'

const clock = { now: () => 0, wall: () => 0 }

/** An overlay whose one connection is driven by the test. */
class FakeOverlay implements SubOverlay {
  readonly calls: string[] = []
  events: SubOverlayEvents | undefined
  readonly name: string
  readonly refuses: boolean

  constructor(name: string, refuses = false) {
    this.name = name
    this.refuses = refuses
  }

  async start(): Promise<void> {
    this.calls.push('start')
  }

  async stop(): Promise<void> {
    this.calls.push('stop')
  }

  prepare(_params: OverlayParams, events: SubOverlayEvents): SubConnection {
    if (this.refuses) throw new Error('no short id')
    this.events = events
    return {
      confirm: () => this.calls.push('confirm'),
      control: (subtag) => this.calls.push(`control ${subtag}`),
      nextDeadline: () => undefined,
      advance: () => this.calls.push('advance'),
      stop: () => this.calls.push('stopped'),
      attributes: () => ({ name: this.name, mtu: 1376 }),
    }
  }

  routesChanged(): void {
    this.calls.push('routes')
  }

  shortIdsChanged(): void {
    this.calls.push('short ids')
  }

  peerGone(): void {
    this.calls.push('gone')
  }

  using(_neighbour: number, inUse: boolean): void {
    this.calls.push(inUse ? 'in use' : 'not in use')
  }
}

function connect(
  overlays: readonly FakeOverlay[],
  given: { readonly features?: string; readonly sessionKey?: Uint8Array } = {},
): { readonly connection: OverlayConnection; readonly heard: string[] } {
  const heard: string[] = []
  const plane = new DataPlane({ clock, log: silentLog, overlays })
  const connection = plane.prepare(
    {
      remote: peerName(2),
      remoteNickname: 'b',
      remoteShortId: 2,
      local: { host: '10.0.0.1', port: 1 },
      peer: { host: '10.0.0.2', port: 6783 },
      outbound: true,
      connUid: 1n,
      sessionKey: given.sessionKey,
      features: new Map([['Overlays', given.features ?? 'fastdp sleeve']]),
    },
    {
      send: (tag, payload) => heard.push(`send ${tag} ${[...payload]}`),
      established: () => heard.push('established'),
      failed: (reason) => heard.push(`failed ${reason}`),
    },
  )
  return { connection, heard }
}

test('the feature names the overlays in order of preference', () => {
  const plane = new DataPlane({
    clock,
    log: silentLog,
    overlays: [new FakeOverlay('fastdp'), new FakeOverlay('sleeve')],
  })
  assert.deepEqual([...plane.features()], [['Overlays', 'fastdp sleeve']])
})

test('control messages carry the index of their overlay, both ways', () => {
  const [fastdp, sleeve] = [new FakeOverlay('fastdp'), new FakeOverlay('sleeve')]
  const { connection, heard } = connect([fastdp, sleeve])
  connection.confirm(0)
  sleeve.events?.control(1, new Uint8Array(0))
  assert.deepEqual(heard, ['send 7 1,1'])
  connection.control(7, Uint8Array.of(0, 5), 0)
  connection.control(7, Uint8Array.of(9, 5), 0)
  assert.ok(fastdp.calls.includes('control 5'))
  assert.ok(!sleeve.calls.some((call) => call.startsWith('control')))
})

test('an overlay that cannot be prepared leaves its index empty', () => {
  const sleeve = new FakeOverlay('sleeve')
  const { connection, heard } = connect([new FakeOverlay('fastdp', true), sleeve])
  connection.confirm(0)
  sleeve.events?.control(1, new Uint8Array(0))
  assert.deepEqual(heard, ['send 7 1,1'])
  assert.deepEqual(connection.attributes(), { name: 'sleeve', mtu: 1376, unused: 'fastdp (no short id)' })
})

test('when every overlay refuses, the connection fails at confirmation', () => {
  const { connection, heard } = connect([new FakeOverlay('sleeve', true)])
  connection.confirm(0)
  assert.deepEqual(heard, ['failed no working forwarders to 00:00:00:00:00:02(b)'])
})

test('overlays hear when they come into use and when not', () => {
  const [fastdp, sleeve] = [new FakeOverlay('fastdp'), new FakeOverlay('sleeve')]
  const { connection, heard } = connect([fastdp, sleeve])
  connection.confirm(0)
  sleeve.events?.established()
  fastdp.events?.established()
  fastdp.events?.hold('no heartbeat')
  connection.stop()
  assert.deepEqual(
    fastdp.calls.filter((call) => call.includes('use')),
    ['in use', 'not in use', 'in use', 'not in use'],
  )
  assert.deepEqual(
    sleeve.calls.filter((call) => call.includes('use')),
    ['in use', 'not in use', 'in use', 'not in use'],
  )
  assert.deepEqual(heard, ['established'])
})

test('encrypted is shown exactly when there is a session key', () => {
  const { connection } = connect([new FakeOverlay('sleeve')], { sessionKey: new Uint8Array(32) })
  connection.confirm(0)
  assert.deepEqual(connection.attributes(), { name: 'sleeve', mtu: 1376, encrypted: true })
})

test('nothing in common is a wire error', () => {
  assert.throws(() => connect([new FakeOverlay('sleeve')], { features: 'awsvpc' }), WireError)
})

test('after stop nothing is said any more', () => {
  const sleeve = new FakeOverlay('sleeve')
  const { connection, heard } = connect([sleeve])
  connection.confirm(0)
  connection.stop()
  sleeve.events?.established()
  sleeve.events?.failed('late')
  sleeve.events?.control(1, new Uint8Array(0))
  assert.deepEqual(heard, [])
})
