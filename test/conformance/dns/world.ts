import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dnsReport, dnsRoutes } from '../../../src/api/dns.ts'
import type { Report } from '../../../src/api/report.ts'
import { ApiServer } from '../../../src/api/server.ts'
import { statusRoutes } from '../../../src/api/status-routes.ts'
import { Dns } from '../../../src/dns/dns.ts'
import { systemClock } from '../../../src/lib/clock.ts'
import { WeaveError } from '../../../src/lib/errors.ts'
import { silentLog } from '../../../src/lib/log.ts'
import { parsePeerName } from '../../../src/lib/peer-name.ts'
import { systemRng } from '../../../src/lib/rng.ts'
import { MockUpstream, type Script } from '../../support/dns-upstream.ts'

export interface RecordedRequest {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export interface WorldOptions {
  readonly domain?: string
  readonly ttlSec?: number
  /** Seconds since 1970 that the peer takes for now. */
  readonly nowSec?: number
  readonly nameservers?: readonly string[]
  readonly script?: Script
}

/** Of the recorded times, so that a run takes seconds; what depends on them keeps its order. */
export const TIME_SCALE = 0.1

/** Where the vectors have the peer's server and its upstream server. */
const SERVER = '127.0.0.1'
const UPSTREAM = '127.0.0.9'

/** A peer with its DNS server and HTTP API, and an upstream server that follows a script. */
export class World {
  readonly dns: Dns
  readonly upstream: MockUpstream
  readonly port: number
  readonly #api: ApiServer
  readonly #directory: string

  /** Both servers need one port, as resolv.conf has none: tried until a free one is found. */
  static async start(options: WorldOptions = {}): Promise<World> {
    for (let attempt = 1; ; attempt++) {
      const port = 20_000 + systemRng.below(10_000)
      const world = new World(options, port)
      try {
        await world.#start()
        return world
      } catch (thrown) {
        await world.stop()
        const code = (thrown as NodeJS.ErrnoException).code
        const taken = code === 'EADDRINUSE' || (thrown instanceof WeaveError && thrown.code === 'dns-listen')
        if (!taken || attempt === 20) throw thrown
      }
    }
  }

  private constructor(options: WorldOptions, port: number) {
    this.port = port
    this.#directory = mkdtempSync(join(tmpdir(), 'weave-dns-'))
    this.useNameservers(options.nameservers ?? [UPSTREAM, '127.0.0.10'])
    this.upstream = new MockUpstream(options.script ?? (() => undefined))
    const { nowSec } = options
    const clock =
      nowSec === undefined ? systemClock : { now: () => systemClock.now(), wall: () => nowSec * 1000 }
    this.dns = new Dns(
      { clock, rng: systemRng, log: silentLog },
      {
        name: parsePeerName('aa:00:00:00:00:01'),
        isKnownPeer: () => true,
        domain: options.domain ?? 'weave.local.',
        listen: [{ host: SERVER, port }],
        ttlSec: options.ttlSec ?? 1,
        fallbackTimeout: 5000 * TIME_SCALE,
        resolvConf: this.#path('resolv.conf'),
        upstreamPort: port,
        // Each recorded query went to the upstream server.
        cache: { entries: 0 },
      },
    )
    const report = (): Report => ({ Ready: true, DNS: dnsReport(this.dns.status()) }) as Report
    const routes = [...dnsRoutes({ dns: this.dns }), ...statusRoutes({ report })]
    this.#api = new ApiServer({ log: silentLog }, { kind: 'unix', path: this.#path('api.sock') }, routes)
  }

  async #start(): Promise<void> {
    await this.upstream.start(UPSTREAM, this.port)
    await this.dns.start()
    await this.#api.start()
  }

  async stop(): Promise<void> {
    await this.#api.stop()
    await this.dns.stop()
    this.upstream.stop()
    rmSync(this.#directory, { recursive: true })
  }

  useNameservers(servers: readonly string[]): void {
    writeFileSync(this.#path('resolv.conf'), servers.map((server) => `nameserver ${server}\n`).join(''))
  }

  http({ method, path, headers = {}, body }: RecordedRequest): Promise<{ status: number; body: string }> {
    const form =
      body === undefined
        ? {}
        : { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': body.length }
    return new Promise((resolve, reject) => {
      const sent = request(
        { socketPath: this.#path('api.sock'), method, path, headers: { ...form, ...headers } },
        (response) => {
          let text = ''
          response.setEncoding('utf8')
          response.on('data', (part: string) => {
            text += part
          })
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }))
        },
      )
      sent.on('error', reject)
      sent.end(body)
    })
  }

  #path(name: string): string {
    return join(this.#directory, name)
  }
}
