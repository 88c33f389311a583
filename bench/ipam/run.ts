import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ipamRoutes } from '../../src/api/ipam.ts'
import { parseListenAddress } from '../../src/api/listen-address.ts'
import { ApiServer } from '../../src/api/server.ts'
import { Ipam } from '../../src/ipam/ipam.ts'
import { StoredIpamState } from '../../src/ipam/stored-state.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { parseCidr } from '../../src/lib/ip4.ts'
import { silentLog } from '../../src/lib/log.ts'
import { parsePeerName } from '../../src/lib/peer-name.ts'
import { systemRng } from '../../src/lib/rng.ts'
import { LmdbStore } from '../../src/state/lmdb-store.ts'
import { type Report, type Row, rowOf } from '../row.ts'
import { donations } from './donation.ts'

export interface IpamBenchOptions {
  readonly rounds: number
}

const SEQUENTIAL = 300
const CLIENTS = 64
const PER_CLIENT = 100

/** Allocations through the Unix socket, on disk before the answer, beside the disk's own `fdatasync` in the same run. */
export async function runIpamBench({ rounds }: IpamBenchOptions): Promise<Report> {
  const disk: number[] = []
  const p50: number[] = []
  const p99: number[] = []
  const perSecond: number[] = []
  const megabytes: number[] = []
  const donated: number[] = []
  for (let round = 0; round < rounds; round++) {
    const directory = mkdtempSync(join(tmpdir(), 'weave-ipam-bench-'))
    try {
      disk.push(quantile(syncs(directory), 0.5))
      await using peer = await Peer.start(directory)
      const times: number[] = []
      for (let i = 0; i < SEQUENTIAL; i++) times.push(await timed(() => peer.allocate(`s${i}`)))
      p50.push(quantile(times, 0.5))
      p99.push(quantile(times, 0.99))

      const began = performance.now()
      await Promise.all(
        Array.from({ length: CLIENTS }, async (_, client) => {
          for (let i = 0; i < PER_CLIENT; i++) await peer.allocate(`p${client}-${i}`)
        }),
      )
      perSecond.push((CLIENTS * PER_CLIENT * 1000) / (performance.now() - began))
      megabytes.push(await peer.fill(65_536))
      donated.push(quantile(await donations(directory), 0.99))
    } finally {
      rmSync(directory, { recursive: true })
    }
  }
  const rows: Row[] = [
    rowOf('fdatasync', 'p50_ms', disk),
    rowOf('allocate', 'p50_ms', p50),
    rowOf('allocate', 'p99_ms', p99),
    rowOf('allocate, 64 clients', 'per_second', perSecond),
    rowOf('65536 addresses', 'heap_mb', megabytes),
    rowOf('donation less the round trip', 'p99_ms', donated),
  ]
  const [base] = rows
  const withRatio = rows.map((row) =>
    base !== undefined && row.metric === 'p50_ms' && row !== base
      ? { ...row, ratio: row.median / base.median }
      : row,
  )
  return { bench: 'ipam', base: 'fdatasync', rows: withRatio }
}

class Peer implements AsyncDisposable {
  readonly #ipam: Ipam
  readonly #store: LmdbStore
  readonly #server: ApiServer
  readonly #socket: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CLIENTS })

  private constructor(ipam: Ipam, store: LmdbStore, server: ApiServer, socket: string) {
    this.#ipam = ipam
    this.#store = store
    this.#server = server
    this.#socket = socket
  }

  static async start(directory: string): Promise<Peer> {
    const store = LmdbStore.open(join(directory, 'state'))
    const range = parseCidr('10.32.0.0/12')
    const ipam = new Ipam(
      {
        clock: systemClock,
        rng: systemRng,
        log: silentLog,
        store: new StoredIpamState(store),
        isKnown: () => false,
      },
      {
        name: parsePeerName('02:00:00:00:00:01'),
        nickname: 'bench',
        uid: systemRng.u64(),
        range,
        defaultSubnet: range,
        init: { kind: 'consensus', peers: 1 },
        quorum: () => 1,
      },
    )
    const nobody = { unicast: () => 'alone', broadcast: () => undefined }
    await ipam.start({ allocation: nobody, takeover: nobody }, [])
    const socket = join(directory, 'weave.sock')
    const address = parseListenAddress(`unix://${socket}`)
    const server = new ApiServer({ log: silentLog }, address, ipamRoutes({ ipam }))
    await server.start()
    return new Peer(ipam, store, server, socket)
  }

  allocate(ident: string): Promise<void> {
    const { promise, resolve, reject } = deferred()
    const call = request(
      { socketPath: this.#socket, agent: this.#agent, method: 'POST', path: `/ip/${ident}` },
      (response) => {
        response.resume()
        response.on('end', () =>
          response.statusCode === 200 ? resolve() : reject(new Error(`status ${response.statusCode}`)),
        )
      },
    )
    call.on('error', reject)
    call.end()
    return promise
  }

  /** Megabytes of heap that so many live addresses take, with idents as long as Docker's. */
  async fill(count: number): Promise<number> {
    globalThis.gc?.()
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < count; i += 1024) {
      await Promise.all(
        Array.from({ length: 1024 }, (_, k) => this.#ipam.allocate(String(i + k).padStart(64, 'f'))),
      )
    }
    globalThis.gc?.()
    return (process.memoryUsage().heapUsed - before) / 1e6
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy()
    await this.#server.stop()
    await this.#ipam.stop()
    await this.#store.close()
  }
}

interface Deferred {
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

function deferred(): Deferred {
  let resolve: () => void = () => undefined
  let reject: (error: Error) => void = () => undefined
  const promise = new Promise<void>((onDone, onError) => {
    resolve = onDone
    reject = onError
  })
  return { promise, resolve, reject }
}

async function timed(act: () => Promise<void>): Promise<number> {
  const began = performance.now()
  await act()
  return performance.now() - began
}

/** The disk alone: a block appended and synced, as a store cannot do without. */
function syncs(directory: string): number[] {
  const file = openSync(join(directory, 'sync'), 'w')
  const block = Buffer.alloc(4096)
  const times = Array.from({ length: 200 }, () => {
    writeSync(file, block)
    const began = performance.now()
    fdatasyncSync(file)
    return performance.now() - began
  })
  closeSync(file)
  return times
}

const quantile = (samples: readonly number[], q: number): number =>
  samples.toSorted((a, b) => a - b)[Math.floor(samples.length * q)] ?? Number.NaN
