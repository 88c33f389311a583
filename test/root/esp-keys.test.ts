import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { HostEsp } from '../../src/host/esp.ts'
import { Host } from '../../src/host/host.ts'
import { espProblem } from '../../src/host/probe/kernel.ts'
import { silentLog } from '../../src/lib/log.ts'
import { peerName } from '../../src/lib/peer-name.ts'
import { systemRng } from '../../src/lib/rng.ts'
import { bpfDoors } from '../../src/native/bpf/doors.ts'
import { SEALED_MARK } from '../../src/native/bpf/layout.ts'
import { EspExchange } from '../../src/overlay/fastdp/esp/exchange.ts'
import { Sealing } from '../../src/overlay/fastdp/esp/sealing.ts'
import { Container, inOwnNamespaces, run } from './support/namespaces.ts'

const [HERE, THERE] = ['10.98.0.1', '10.98.0.2']
const [HERE_BYTES, THERE_BYTES] = [Uint8Array.of(10, 98, 0, 1), Uint8Array.of(10, 98, 0, 2)]
const UDP_PORT = 6784
const DATAGRAM = new Uint8Array(100)
const EVERY_MS = 10_000
const ROUNDS = 30
const EPERM = 1
const sessionKey = new Uint8Array(32).fill(3)

inOwnNamespaces(import.meta.filename, () => {
  const problem = espProblem()
  const skip = problem ?? false
  let other: Container
  let ns = -1
  let here: HostEsp
  let there: HostEsp
  const sockets: number[] = []
  const socket = (mark: number): number => {
    sockets.push(bpfDoors().udpProbeSocket(4, '', mark))
    return sockets.at(-1) ?? -1
  }

  /** What IPsec refused at either end so far. */
  const refusals = (): string[] =>
    [readFileSync('/proc/net/xfrm_stat', 'utf8'), other.run('cat', '/proc/net/xfrm_stat')].flatMap(
      (text) => text.match(/^XfrmIn.*$/gm) ?? [],
    )
  let sink: ChildProcess | undefined

  before(async () => {
    if (problem !== undefined) return
    other = await Container.start()
    run('ip', ...`link add u0 type veth peer name u0 netns ${other.pid}`.split(' '))
    run('ip', 'addr', 'add', `${HERE}/24`, 'dev', 'u0')
    run('ip', 'link', 'set', 'u0', 'up')
    other.run('ip', 'addr', 'add', `${THERE}/24`, 'dev', 'u0')
    other.run('ip', 'link', 'set', 'u0', 'up')
    // Resolved beforehand: datagrams must not wait for ARP.
    other.run('ping', '-c1', '-W5', HERE)
    ns = openSync(other.netns, 'r')
    here = new HostEsp(UDP_PORT)
    there = new HostEsp(UDP_PORT, ns)
  })
  after(async () => {
    if (problem !== undefined) return
    for (const one of sockets) bpfDoors().bpfClose(one)
    if (sink?.kill() === true) await once(sink, 'exit')
    here.close()
    there.close()
    closeSync(ns)
    await other.stop()
  })

  test('marked packets do not leave before their key is there, nor when it is gone, and without ESP none arrives', {
    skip,
  }, async () => {
    const [marked, plain] = [socket(SEALED_MARK), socket(0)]
    const send = (from: number): number => bpfDoors().udpProbeSend(from, THERE, UDP_PORT, DATAGRAM)
    assert.equal(send(marked), 0)
    here.start()
    assert.equal(send(marked), EPERM, 'the gate')
    assert.equal(send(plain), 0, 'to others as ever')

    const path = { local: HERE_BYTES, remote: THERE_BYTES }
    const [first, second] = [{}, {}]
    here.guard(path, first)
    assert.deepEqual([send(marked), send(plain)], [EPERM, EPERM])
    here.addState(path, 'out', 0x1001, new Uint8Array(36))
    here.seal(path, first, 0x1001)
    assert.deepEqual([send(marked), send(plain)], [0, EPERM])
    // A second connection to the same neighbour, then the end of the first: the second's wish counts.
    here.guard(path, second)
    assert.equal(send(marked), 0)
    here.unguard(path, first)
    assert.deepEqual([send(marked), send(plain)], [EPERM, EPERM])
    assert.deepEqual(here.guarded().length > 0, true)
    here.dropState(path, 'out', 0x1001)
    here.unguard(path, second)
    assert.deepEqual([send(marked), send(plain)], [EPERM, 0])
    assert.deepEqual(here.guarded(), [])
    here.flush()
    assert.equal(run('ip', 'xfrm', 'policy'), '')
    assert.equal(run('ip', 'xfrm', 'state'), '')
  })

  test(`${ROUNDS} new keys while packets flow: not one is lost, none is refused, old keys go`, {
    skip,
  }, async (context) => {
    sink = spawn('nsenter', [
      '-t',
      `${other.pid}`,
      '-n',
      'socat',
      '-u',
      '-b',
      '65536',
      `UDP4-RECV:${UDP_PORT},rcvbuf=4194304`,
      'STDOUT',
    ])
    let arrived = 0
    sink.stdout?.on('data', (chunk: Buffer) => {
      arrived += chunk.length / DATAGRAM.length
    })
    const listening = (): boolean => other.run('ss', '-Hlun').includes(`:${UDP_PORT}`)
    while (!listening()) await sleep(50)

    const before = refusals()
    const limits = { everyMs: EVERY_MS, everyBytes: 2 ** 36 }
    let rekeys = 0
    const replaced = (): void => {
      rekeys++
    }
    const inbox: { to: 'here' | 'there'; body: Uint8Array }[] = []
    const side = (self: number, remote: number, kernel: HostEsp, to: 'here' | 'there'): Sealing => {
      const options = { self: peerName(self), remote: peerName(remote), sessionKey, rekeys: true, limits }
      const exchange = new EspExchange(options, systemRng)
      const path =
        to === 'there'
          ? { local: HERE_BYTES, remote: THERE_BYTES }
          : { local: THERE_BYTES, remote: HERE_BYTES }
      return new Sealing(
        { kernel, exchange, tell: (body) => inbox.push({ to, body }), ready: () => undefined, replaced },
        path,
      )
    }
    here.start()
    there.start()
    const ends = { here: side(1, 2, here, 'there'), there: side(2, 1, there, 'here') }
    const marked = socket(SEALED_MARK)
    let sent = 0
    const send = (): void => {
      for (let i = 0; i < 20; i++) {
        assert.equal(bpfDoors().udpProbeSend(marked, THERE, UDP_PORT, DATAGRAM), 0)
        sent++
      }
    }
    const deliver = (now: number): void => {
      for (let message = inbox.shift(); message !== undefined; message = inbox.shift()) {
        if (ends.here.ready) send()
        ends[message.to].received(message.body, now)
        if (ends.here.ready) send()
      }
    }
    /** What was sent at once fits the receiver's buffer. */
    const caughtUp = async (): Promise<void> => {
      const limit = performance.now() + 10_000
      while (arrived < sent && performance.now() < limit) await sleep(10)
      assert.equal(arrived, sent)
    }
    let now = 0
    ends.here.confirm(now)
    ends.there.confirm(now)
    deliver(now)
    assert.ok(ends.here.ready && ends.there.ready)
    for (let round = 0; round < ROUNDS; round++) {
      now += EVERY_MS
      send()
      ends.there.advance(now)
      send()
      deliver(now)
      ends.here.advance(now)
      send()
      await caughtUp()
    }
    context.diagnostic(`${sent} sent, ${arrived} arrived, ${rekeys} keys replaced`)
    assert.ok(rekeys >= 2 * (ROUNDS - 1))
    assert.deepEqual(refusals(), before, 'packets that IPsec refused')
    assert.ok((other.run('ip', 'xfrm', 'state').match(/^src/gm)?.length ?? 0) <= 4, 'old keys go')

    // One end is reset in the middle of it, the other stops.
    const host = new Host({ log: silentLog })
    await host.reset()
    await host.stop()
    ends.there.stop()
    there.flush()
    assert.equal(run('ip', 'xfrm', 'state') + run('ip', 'xfrm', 'policy'), '')
    assert.equal(other.run('ip', 'xfrm', 'state') + other.run('ip', 'xfrm', 'policy'), '')
  })
})
