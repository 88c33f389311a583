import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../lib/clock.ts'
import { silentLog } from '../../lib/log.ts'
import { peerName } from '../../lib/peer-name.ts'
import { seededRng } from '../../lib/rng.ts'
import { REKEY_DEFAULTS } from '../rekey.ts'
import { FASTDP_CONTROL } from './connection.ts'
import { EspExchange } from './esp/exchange.ts'
import type { EspKernel } from './esp/kernel.ts'
import { encodeEspKeyMessage } from './esp/key-message.ts'
import { Sealing } from './esp/sealing.ts'
import { FastdpSlot } from './slot.ts'

const path = { local: Uint8Array.of(10, 0, 0, 1), remote: Uint8Array.of(10, 0, 0, 2) }
const key = encodeEspKeyMessage({ nonce: new Uint8Array(32), spi: 4711 })

/** A sealed connection; `refuses` is a call that the kernel does not do. Everything that happens goes to `seen`. */
function sealedSlot(refuses?: keyof EspKernel) {
  const seen: string[] = []
  const call =
    (name: keyof EspKernel) =>
    (...args: unknown[]): void => {
      if (name === refuses) throw new Error('the kernel says no')
      const direction = name === 'addState' || name === 'dropState' ? ` ${String(args[1])}` : ''
      seen.push(`${name}${direction}`)
    }
  const kernel: EspKernel = {
    start: call('start'),
    guard: call('guard'),
    seal: call('seal'),
    unguard: call('unguard'),
    addState: call('addState'),
    dropState: call('dropState'),
    received: () => 0,
    guarded: () => [],
    flush: call('flush'),
    close: call('close'),
  }
  const options = {
    self: peerName(1),
    remote: peerName(2),
    sessionKey: new Uint8Array(32),
    rekeys: true,
    limits: REKEY_DEFAULTS,
  }
  const exchange = new EspExchange(options, seededRng(1))
  const slot: FastdpSlot = new FastdpSlot(
    {
      clock: systemClock,
      log: silentLog,
      events: {
        control: (subtag) => seen.push(`control ${subtag}`),
        established: () => seen.push('established'),
        failed: (reason) => seen.push(`failed: ${reason}`),
        hold: () => seen.push('hold'),
        release: () => seen.push('release'),
        rescheduled: () => undefined,
      },
      send: () => {
        seen.push('heartbeat')
        return 0
      },
      self: () => 7,
      changed: () => seen.push(`tables:${slot.admitted ? ' admitted' : ''}${slot.open ? ' open' : ''}`),
    },
    {
      connUid: 1n,
      address: '10.0.0.2',
      udpPort: 6784,
      remoteShortId: 8,
      mtu: 1376,
      ceiling: 1376,
      local: 1376,
      sizesAnswered: true,
      sealing: (events) => new Sealing({ kernel, exchange, replaced: () => undefined, ...events }, path),
    },
  )
  return { slot, seen }
}

test('a sealed connection sends and takes nothing before the kernel forbids it in clear, nor after', () => {
  const { slot, seen } = sealedSlot()
  slot.confirm(0)
  assert.deepEqual(seen, ['tables:', 'hold', 'guard', 'addState in', 'control 1', 'tables: admitted'])
  seen.length = 0
  slot.control(FASTDP_CONTROL.cryptoInit, key, 10)
  const limit = `control ${FASTDP_CONTROL.limit}`
  assert.deepEqual(seen, ['addState out', 'seal', 'tables: admitted open', 'release', limit, 'heartbeat'])
  seen.length = 0
  slot.stop()
  assert.deepEqual(seen, ['tables:', 'dropState in', 'dropState out', 'unguard'])
  seen.length = 0
  slot.stop()
  assert.deepEqual(seen, ['tables:'], 'once more changes nothing')
})

test('where the kernel refuses a step, the connection is left to another overlay and all is taken back', () => {
  for (const refuses of ['guard', 'addState'] as const) {
    const { slot, seen } = sealedSlot(refuses)
    slot.confirm(0)
    assert.ok(seen.includes('failed: the kernel says no'))
    assert.ok(!slot.admitted && !slot.open)
    assert.ok(seen.includes('unguard'))
  }
  const { slot, seen } = sealedSlot('seal')
  slot.confirm(0)
  slot.control(FASTDP_CONTROL.cryptoInit, key, 10)
  assert.ok(!slot.open)
  assert.deepEqual(seen.slice(-5), [
    'tables:',
    'dropState in',
    'dropState out',
    'unguard',
    'failed: the kernel says no',
  ])
})

test('a heartbeat from another address than the keys are for is not taken', () => {
  const { slot, seen } = sealedSlot()
  slot.confirm(0)
  slot.control(FASTDP_CONTROL.cryptoInit, key, 10)
  seen.length = 0
  const head = Uint8Array.of(...new Uint8Array(21), 1, 0, 24)
  for (const [last, answers] of [
    [3, []],
    [2, ['control 0', 'control 2']],
  ] as const) {
    const address = Uint8Array.of(10, 0, 0, last)
    slot.received({ source: 8, destination: 7, address, length: 24, head }, 20)
    assert.deepEqual(seen, answers)
  }
})
