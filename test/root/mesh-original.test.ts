import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../src/lib/clock.ts'
import { parsePeerName } from '../../src/lib/peer-name.ts'
import { systemRng } from '../../src/lib/rng.ts'
import type { MeshOptions } from '../../src/mesh/node-types.ts'
import { MeshRouter } from '../../src/mesh/router.ts'
import { loadSodium } from '../../src/native/sodium.ts'
import { eventually } from '../support/eventually.ts'
import { LogLines } from '../support/log-lines.ts'
import { MemoryOverlay } from '../support/memory-overlay.ts'
import { inOwnNamespaces } from './support/namespaces.ts'
import { makeLan, Original } from './support/original.ts'

/** The router program of an original peer; these tests are not run without one. */
const ORIGINAL = process.env['WEAVE_ORIGINAL']
const OURS = '10.77.0.2'
const THEIRS = '10.77.0.1'

const startOriginal = (...args: readonly string[]): Promise<Original> =>
  Original.start(ORIGINAL ?? '', {
    name: '02:00:00:00:00:aa',
    nickname: 'original',
    address: THEIRS,
    args,
  })

async function ours(options: Partial<MeshOptions>): Promise<{ router: MeshRouter; log: LogLines }> {
  const log = new LogLines()
  const overlay = new MemoryOverlay()
  const router = new MeshRouter(
    { clock: systemClock, rng: systemRng, log, crypto: loadSodium(), overlay },
    {
      name: parsePeerName('02:00:00:00:00:bb'),
      nickname: 'ours',
      host: undefined,
      port: 6783,
      password: undefined,
      minVersion: 2,
      maxVersion: 2,
      connectionLimit: 0,
      discovery: true,
      trustedSubnets: [],
      ...options,
    },
  )
  await router.start()
  return { router, log }
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const VERSION_1 = { minVersion: 1, maxVersion: 1 } as const

const together: readonly (readonly [string, Partial<MeshOptions>, readonly string[]])[] = [
  ['in clear', {}, []],
  ['with a password', { password: text('s3cret') }, ['--password', 's3cret']],
  ['in version 1', VERSION_1, []],
  ['in version 1 with a password', { ...VERSION_1, password: text('s3cret') }, ['--password', 's3cret']],
]

inOwnNamespaces(fileURLToPath(import.meta.url), () => {
  const skip = ORIGINAL === undefined ? 'WEAVE_ORIGINAL does not name an original router' : false
  if (skip === false) makeLan([OURS])

  for (const [how, options, args] of together) {
    for (const dialler of ['we', 'it'] as const) {
      test(`an original peer and ours exchange topology ${how}, ${dialler} dialled`, { skip }, async () => {
        const { router } = await ours(options)
        await using _stop = router
        await using original = await startOriginal(...args, ...(dialler === 'it' ? [OURS] : []))
        if (dialler === 'we') assert.deepEqual(await router.connect([THEIRS]), [])

        // Its data plane is not here, so that it never calls the connection established; topology goes both ways.
        await eventually('its claim of a connection to us', () =>
          router
            .status()
            .peers.some(
              (peer) => peer.nickname === 'original' && peer.connections.some((c) => c.nickname === 'ours'),
            ),
        )
        await eventually('our claim of a connection to it', () =>
          /ours\)[\s\S]*original/.test(original.status('/status/peers') ?? ''),
        )
        assert.equal(router.status().terminationCount, 0)
      })
    }
  }

  test('an original peer with another password is told apart', { skip }, async () => {
    const { router, log } = await ours({ password: text('one') })
    await using _stop = router
    await using _original = await startOriginal('--password', 'other')
    await router.connect([THEIRS])
    await eventually('the reason', () => log.reasons().some((reason) => /decrypt|reset|EOF/.test(reason)))
    assert.equal(
      router.status().connections.filter((connection) => connection.state === 'established').length,
      0,
    )
  })
})
