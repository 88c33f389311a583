import { readdirSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { parsePeerName } from '../../src/lib/peer-name.ts'
import { eventually } from '../support/eventually.ts'
import { TestMesh, type TestRouter } from '../support/mesh-router.ts'
import { programOptions, wholeNumber } from '../support/program-options.ts'
import { RawPeer } from '../support/raw-peer.ts'
import { sessionOptions } from '../support/session-pair.ts'

/**
 * `npm run soak -- [--connections N]`: one router over real sockets, to which peers come and from which they go, one in
 * four in a way that no peer should. Fails when heap or descriptors grow.
 */
const USAGE = 'usage: npm run soak -- [--connections N]'
const { values } = programOptions(USAGE, {
  options: { connections: { type: 'string', default: '10000' } },
})
const wanted = wholeNumber(USAGE, '--connections', values.connections, 1)

/** What the heap may grow by from the first sample to the last, in bytes, and how many descriptors may stay open. */
const HEAP_GROWTH = 4 * 2 ** 20
const DESCRIPTORS = 4
/** Visitors at one time, each with an address of its own: the router lets each source in at its rate. */
const LANES = 24
const SAMPLES = 10

interface Sample {
  readonly connections: number
  readonly heap: number
  readonly rss: number
  readonly descriptors: number
}

/** What vandals send. */
const SPOILT: readonly Uint8Array[] = [
  Uint8Array.of(),
  Uint8Array.of(0x77, 0x65),
  Uint8Array.of(1, 2, 3, 4, 5, 6, 7),
  Uint8Array.of(0x77, 0x65, 0x61, 0x76, 0x65, 2, 2, 0, 0xff, 0xff, 0xff, 0xff),
]

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

await using mesh = new TestMesh()
const target = await mesh.start(1)
/** Stays all the time, and must not notice. */
const friend = await mesh.start(2)
await friend.router.connect([target.address])
await eventually('the friend', () => target.overlay.isFullMesh(1) && friend.overlay.isFullMesh(1))

const samples: Sample[] = []
let done = 0
for (let sample = 1; sample <= SAMPLES; sample++) {
  const until = Math.floor((wanted * sample) / SAMPLES)
  await Promise.all(Array.from({ length: LANES }, (_, lane) => visit(lane, until)))
  // The last of them have to be forgotten before what is left can be compared.
  await eventually('all visitors to be forgotten', () => target.router.status().peers.length === 2)
  samples.push(measure())
}

const failures = judge(samples)
for (const failure of failures) console.error(failure)
process.exitCode = failures.length > 0 ? 1 : 0

/** One visitor after the other, until `until` were there in all. */
async function visit(lane: number, until: number): Promise<void> {
  while (done < until) {
    const number = done++
    if (number % 4 === 0) await vandal(lane, number)
    else await guest(lane)
  }
}

/** Is introduced, and leaves without a word. */
async function guest(lane: number): Promise<void> {
  const local = {
    ...sessionOptions({ outbound: true }).local,
    name: parsePeerName(`::${(10 + lane).toString(16)}`),
  }
  const peer = await RawPeer.introduced(target, mesh.address(10 + lane), { local })
  await peer[Symbol.asyncDispose]()
}

/** Sends part of a handshake or nonsense, and hangs up. */
async function vandal(lane: number, number: number): Promise<void> {
  const peer = await RawPeer.dial(target, mesh.address(10 + lane))
  peer.raw(SPOILT[(number >> 2) % SPOILT.length] ?? Uint8Array.of())
  await peer[Symbol.asyncDispose]()
}

function measure(): Sample {
  collectGarbage()
  const { heapUsed, rss } = process.memoryUsage()
  const sample = { connections: done, heap: heapUsed, rss, descriptors: readdirSync('/proc/self/fd').length }
  console.log(
    `${sample.connections} visitors, ${accepted(target)} accepted: heap ${megabytes(heapUsed)} MB, ` +
      `RSS ${megabytes(rss)} MB, ${sample.descriptors} descriptors`,
  )
  return sample
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1)
}

/** Texts of what is not as it should be. The first samples are of a process that still compiles its code. */
function judge(taken: readonly Sample[]): string[] {
  const [, , first] = taken
  const last = taken.at(-1)
  if (first === undefined || last === undefined) return ['no samples were taken']
  const broken: string[] = []
  if (last.heap - first.heap > HEAP_GROWTH) {
    broken.push(`the heap grew by ${megabytes(last.heap - first.heap)} MB`)
  }
  if (last.descriptors - first.descriptors > DESCRIPTORS) {
    broken.push(`${last.descriptors - first.descriptors} descriptors more than at the beginning`)
  }
  if (friend.router.status().terminationCount > 0) broken.push('a neighbour lost its connection')
  if (accepted(target) < wanted / 2) broken.push(`only ${accepted(target)} connections were accepted`)
  return broken
}

function accepted({ router }: TestRouter): number {
  return router.counters().accepted
}
