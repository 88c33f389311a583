import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import { eventually } from '../../test/support/eventually.ts'
import { LogLines } from '../../test/support/log-lines.ts'
import { TestMesh } from '../../test/support/mesh-router.ts'
import { silentLog } from '../lib/log.ts'
import type { GossipData, Gossiper } from './gossiper.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** State that is one text; the longest wins. */
class TextGossip implements GossipData {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  merge(other: GossipData): GossipData {
    return other instanceof TextGossip && other.text.length > this.text.length ? other : this
  }

  encode(): readonly Uint8Array[] {
    return [bytes(this.text)]
  }
}

class TextGossiper implements Gossiper {
  state = ''
  readonly unicast: string[] = []

  onUnicast(_source: number, payload: Uint8Array): void {
    this.unicast.push(new TextDecoder().decode(payload))
  }

  onBroadcast(_source: number, payload: Uint8Array): GossipData | undefined {
    return this.onGossip(payload)
  }

  onGossip(payload: Uint8Array): GossipData | undefined {
    const text = new TextDecoder().decode(payload)
    if (text.length <= this.state.length) return undefined
    this.state = text
    return new TextGossip(text)
  }

  complete(): GossipData | undefined {
    return this.state === '' ? undefined : new TextGossip(this.state)
  }
}

for (const password of [undefined, 'correct horse battery staple']) {
  const how = password === undefined ? 'in clear' : 'with a password'

  test(`three routers find each other over TCP and gossip (${how})`, async () => {
    await using mesh = new TestMesh()
    const options = password === undefined ? {} : { password: bytes(password) }
    const [one, two, three] = await Promise.all([1, 2, 3].map((number) => mesh.start(number, options)))
    assert.ok(one && two && three)
    const gossipers = [one, two, three].map(({ router }) => {
      const gossiper = new TextGossiper()
      return { gossiper, channel: router.channel('text', gossiper) }
    })

    assert.deepEqual(await two.router.connect([one.address]), [])
    assert.deepEqual(await three.router.connect([`${two.address}:${mesh.port}`]), [])
    for (const router of [one, two, three]) {
      await eventually('a full mesh', () => router.overlay.isFullMesh(2))
    }
    const encrypted = [...one.overlay.live.values()].map((params) => params.sessionKey !== undefined)
    assert.deepEqual(encrypted, [password !== undefined, password !== undefined])

    gossipers[0]?.channel.broadcast(new TextGossip('broadcast'))
    for (const { gossiper } of gossipers.slice(1)) {
      await eventually('the broadcast', () => gossiper.state === 'broadcast')
    }
    assert.equal(gossipers[1]?.channel.unicast(three.name, bytes('hello')), undefined)
    await eventually('the unicast', () => gossipers[2]?.gossiper.unicast.includes('hello'))
    assert.equal(
      gossipers[1]?.channel.unicast(99 as typeof one.name, bytes('x')),
      'unknown relay destination: 00:00:00:00:00:63',
    )

    assert.equal(one.router.status().peers.length, 3)
    // A target whose peer has dialled us meanwhile is listed until it is looked at again, up to 50 ms later.
    await eventually('only established connections', () =>
      one.router.status().connections.every((connection) => connection.state === 'established'),
    )
    assert.ok(one.router.counters().bytesIn > 0 && one.router.counters().bytesOut > 0)
  })
}

test('different passwords give no connection and the status says why', async () => {
  await using mesh = new TestMesh()
  const one = await mesh.start(1, { password: bytes('one') })
  const two = await mesh.start(2, { password: bytes('two') })
  await two.router.connect([one.address])
  const failed = await eventually('a failed connection', () =>
    two.router
      .status()
      .connections.find((connection) => connection.state === 'failed' || connection.state === 'retrying'),
  )
  assert.match('error' in failed ? failed.error : '', /Unable to decrypt TCP msg|EOF|reset/)
  assert.equal(one.overlay.live.size, 0)
})

test('a port in use is an error that says what to do', async () => {
  await using mesh = new TestMesh()
  await mesh.start(1)
  await assert.rejects(mesh.start(1), {
    code: 'listen-failed',
    message: /address already in use: is another weave running.*--port/,
  })
})

test('an address of somebody else cannot be listened on, and the error says so', async () => {
  await using mesh = new TestMesh()
  await assert.rejects(mesh.start(1, { host: '192.0.2.1' }), /cannot assign requested address: --host/)
})

test('what cannot be a peer is reported, the rest is added', async () => {
  await using mesh = new TestMesh()
  const one = await mesh.start(1)
  const two = await mesh.start(2)
  const errors = await two.router.connect(['no-such-host.invalid', one.address, 'a:b:c', '10.0.0'])
  assert.equal(errors.length, 3)
  assert.match(errors.join('\n'), /lookup no-such-host\.invalid/)
  assert.match(errors.join('\n'), /should be host\[:port\]/)
  assert.match(errors.join('\n'), /lookup 10\.0\.0: no such host/)
  await eventually('the connection', () => two.overlay.isFullMesh(1))
  assert.deepEqual(two.router.status().targets, [one.address])
})

test('targets are handed out for persistence, forgetting leaves the connection', async () => {
  await using mesh = new TestMesh()
  const one = await mesh.start(1)
  const saved: (readonly string[])[] = []
  const two = await mesh.start(2, {}, { events: { targetsChanged: (targets) => saved.push(targets) } })
  await two.router.connect([one.address, mesh.address(9)])
  await eventually('the connection', () => two.overlay.isFullMesh(1))
  two.router.forget([mesh.address(9)])
  await two.router.connect([one.address], { replace: true })
  assert.deepEqual(saved.at(-1), [one.address])
  assert.ok(two.overlay.isFullMesh(1))
})

test('a peer that stops is reported gone', async () => {
  await using mesh = new TestMesh()
  const gone: string[] = []
  const one = await mesh.start(1, {}, { events: { peerGone: (_name, nickname) => gone.push(nickname) } })
  const two = await mesh.start(2)
  await two.router.connect([one.address])
  await eventually('the connection', () => one.overlay.isFullMesh(1))
  await two.router.stop()
  await eventually('the peer to be gone', () => gone.includes('peer2'))
  assert.equal(one.router.status().terminationCount, 1)
})

test('a dial that is refused is shown with its reason and retried', async () => {
  await using mesh = new TestMesh()
  const one = await mesh.start(1)
  await one.router.connect([mesh.address(9)])
  const failed = await eventually('the failure', () =>
    one.router.status().connections.find((connection) => connection.state === 'failed'),
  )
  assert.equal(
    failed.state === 'failed' ? failed.error : '',
    `dial tcp ${one.address}:0->${mesh.address(9)}:${mesh.port}: connect: connection refused`,
  )
  await mesh.start(9)
  await eventually('the retry', () => one.overlay.isFullMesh(1), 20_000)
})

test('stopping twice is fine and leaves no socket', async () => {
  const mesh = new TestMesh()
  const one = await mesh.start(1)
  await one.router.stop()
  await one.router.stop()
  const socket = connect(mesh.port, one.address)
  const error = await new Promise<NodeJS.ErrnoException>((resolve) => socket.once('error', resolve))
  assert.equal(error.code, 'ECONNREFUSED')
})

test('two hosts with one name are told both nicknames, whoever dialled', async () => {
  await using mesh = new TestMesh()
  const logs = [new LogLines(), new LogLines()]
  const one = await mesh.start(1, {}, { log: logs[0] ?? silentLog })
  const two = await mesh.start(2, { name: one.name }, { log: logs[1] ?? silentLog })
  await two.router.connect([one.address])
  const text =
    /^local "00:00:00:00:00:01\(peer[12]\)" and remote "00:00:00:00:00:01\(peer[12]\)" peer names collision$/
  await eventually('the reason in both logs', () =>
    logs.every((log) => log.reasons().some((reason) => text.test(reason))),
  )
  const [failed] = two.router.status().connections
  assert.ok(failed?.state === 'failed')
  assert.equal(
    failed.error,
    'local "00:00:00:00:00:01(peer2)" and remote "00:00:00:00:00:01(peer1)" peer names collision',
  )
  assert.equal(failed.retryAt, undefined)
})

test('a peer that leaves for good is let go at once, one that stops is waited for', async () => {
  await using mesh = new TestMesh()
  const log = new LogLines()
  const stays = await mesh.start(1, {}, { log })
  const held = (): number => log.lines.filter(({ message }) => /routes are held/.test(message)).length
  for (const [number, isLeaving] of [
    [2, true],
    [3, false],
  ] as const) {
    const goes = await mesh.start(number, { restartSec: 20 })
    await goes.router.connect([stays.address])
    await eventually('the connection', () => stays.overlay.isFullMesh(1) && goes.overlay.isFullMesh(1))
    if (isLeaving) goes.router.leave()
    await goes.router.stop()
    if (isLeaving) await eventually('the peer to be gone', () => stays.router.status().peers.length === 1)
    else await eventually('the connection to be held', () => held() === 1)
    assert.equal(held(), isLeaving ? 0 : 1)
  }
})
