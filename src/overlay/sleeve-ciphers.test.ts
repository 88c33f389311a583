import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SUITE, type Suite } from '../native/engine.ts'
import { loadEngineProbe, type ProbeFrame, type ProbeLink } from '../native/engine-probe.ts'
import { loadSodium } from '../native/sodium.ts'
import { chooseSuite, ciphersOf, keyMaterial } from './sleeve-ciphers.ts'

const { hkdf } = loadSodium()
const probe = loadEngineProbe()
const KEY = new Uint8Array(32).fill(9)
const FRAME: ProbeFrame = { source: 1, destination: 2, frame: Uint8Array.from({ length: 60 }, (_, i) => i) }

const features = (value?: string): ReadonlyMap<string, string> =>
  new Map(value === undefined ? [] : [['SleeveCiphers', value]])

function link(suite: Suite, outbound: boolean, sequence = 0): ProbeLink {
  return {
    name: 2,
    suite: SUITE[suite],
    outbound,
    key: keyMaterial(hkdf, suite, KEY, outbound),
    sequence,
    df: true,
  }
}

const seal = (suite: Suite, sequence: number, rekeys = 0): Uint8Array => {
  const [datagram] = probe.probeEncode(1, link(suite, true, sequence), 1472, [FRAME], rekeys)
  return datagram ?? new Uint8Array(0)
}

test('both sides take the same cipher, and secretbox towards old peers', () => {
  const [both, chacha] = [['aes-256-gcm', 'chacha20-poly1305'], ['chacha20-poly1305']] as const
  for (const [ours, sent, expected] of [
    [both, 'aes-256-gcm chacha20-poly1305', 'aes-256-gcm'],
    [both, 'chacha20-poly1305 aes-256-gcm', 'aes-256-gcm'],
    [both, 'chacha20-poly1305', 'chacha20-poly1305'],
    [chacha, 'aes-256-gcm chacha20-poly1305', 'chacha20-poly1305'],
    [chacha, 'aes-256-gcm', 'secretbox'],
    [both, 'rot13', 'secretbox'],
    [both, undefined, 'secretbox'],
  ] as const) {
    assert.equal(chooseSuite(KEY, ours, features(sent)), expected)
  }
})

test('without a session key nothing is sealed, whatever the features say', () => {
  assert.equal(chooseSuite(undefined, ['aes-256-gcm'], features('aes-256-gcm')), 'clear')
})

test('AES is offered only by processors that have it', () => {
  assert.deepEqual(ciphersOf('flags\t\t: fpu sse2 aes avx\n'), ['aes-256-gcm', 'chacha20-poly1305'])
  assert.deepEqual(ciphersOf('Features\t: fp asimd aes pmull\n'), ['aes-256-gcm', 'chacha20-poly1305'])
  assert.deepEqual(ciphersOf('flags\t\t: fpu sse2 vaes\n'), ['chacha20-poly1305'])
})

for (const suite of ['secretbox', 'aes-256-gcm', 'chacha20-poly1305'] as const) {
  test(`${suite}: what one side seals the other opens, and only once`, () => {
    const datagram = seal(suite, 5)
    const opened = probe.probeDecode(link(suite, false), [datagram, datagram])
    assert.deepEqual(
      opened.map(({ verdict }) => verdict),
      ['open', 'replayed'],
    )
    assert.deepEqual(opened[0]?.frames, [FRAME])
  })

  test(`${suite}: datagrams that arrive in another order open, each once`, () => {
    const sealed = Array.from({ length: 40 }, (_, sequence) => seal(suite, sequence))
    fc.assert(
      fc.property(fc.shuffledSubarray(sealed), (arrived) => {
        const verdicts = probe
          .probeDecode(link(suite, false), [...arrived, ...arrived.toReversed()])
          .map(({ verdict }) => verdict)
        assert.deepEqual(verdicts, [...arrived.map(() => 'open'), ...arrived.map(() => 'replayed')])
      }),
      { numRuns: 30 },
    )
  })

  test(`${suite}: a datagram from before both windows does not open, one from the window before does`, () => {
    const window = 2 ** 20
    const arrived = [0, window + 5, 7, 2 * window + 1, 8, window + 6].map((sequence) => seal(suite, sequence))
    assert.deepEqual(
      probe.probeDecode(link(suite, false), arrived).map(({ verdict }) => verdict),
      ['open', 'open', 'open', 'open', 'replayed', 'open'],
    )
  })

  test(`${suite}: any changed bit is noticed, in the header as well`, () => {
    const datagram = seal(suite, 1)
    fc.assert(
      fc.property(fc.integer({ min: 48, max: datagram.length * 8 - 1 }), (bit) => {
        const forged = datagram.slice()
        forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7))
        assert.equal(probe.probeDecode(link(suite, false), [forged])[0]?.verdict, 'undecryptable')
      }),
    )
  })

  test(`${suite}: a datagram does not open in the direction it came from`, () => {
    assert.equal(probe.probeDecode(link(suite, true), [seal(suite, 0)])[0]?.verdict, 'undecryptable')
  })
}

test('the receiver follows new keys and still opens what was under way', () => {
  const opened = probe.probeDecode(link('aes-256-gcm', false), [
    seal('aes-256-gcm', 1, 0),
    seal('aes-256-gcm', 3, 1),
    seal('aes-256-gcm', 2, 0),
    seal('aes-256-gcm', 4, 2),
    seal('aes-256-gcm', 5, 0),
    seal('aes-256-gcm', 6, 18),
    seal('aes-256-gcm', 7, 35),
  ])
  assert.deepEqual(
    opened.map(({ verdict }) => verdict),
    // Two keys back is too old; sixteen ahead is still followed, seventeen is not.
    ['open', 'open', 'open', 'open', 'undecryptable', 'open', 'undecryptable'],
  )
})

test('a forged later key number does not move the receiver', () => {
  const forged = seal('aes-256-gcm', 1, 0)
  forged[7] = 3
  const opened = probe.probeDecode(link('aes-256-gcm', false), [forged, seal('aes-256-gcm', 2, 0)])
  assert.deepEqual(
    opened.map(({ verdict }) => verdict),
    ['undecryptable', 'open'],
  )
})

test('a number used under one key is a replay under the next as well', () => {
  const opened = probe.probeDecode(link('aes-256-gcm', false), [
    seal('aes-256-gcm', 1, 0),
    seal('aes-256-gcm', 1, 1),
  ])
  assert.equal(opened[1]?.verdict, 'replayed')
})
