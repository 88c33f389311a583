import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { decode, encode } from 'dns-packet'
import { Dns, type DnsModules, type DnsOptions } from '../../src/dns/dns.ts'
import type { Channel } from '../../src/dns/gossip.ts'
import type { NameStore } from '../../src/dns/name-disk.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { WeaveError } from '../../src/lib/errors.ts'
import { parseIp4 } from '../../src/lib/ip4.ts'
import { silentLog } from '../../src/lib/log.ts'
import type { PeerName } from '../../src/lib/peer-name.ts'
import { systemRng } from '../../src/lib/rng.ts'
import { DnsServer } from '../../src/native/dns.ts'
import { ask } from './dns-client.ts'
import { queryBytes } from './dns-query.ts'
import { MockUpstream, type Script } from './dns-upstream.ts'

/** Where servers of tests listen. */
export const LOCAL = '127.0.0.1'
/** With the addon's server instead of JavaScript's. */
export const fast: Partial<DnsModules> = {
  openFastServer: (onRequest, bounds) => new DnsServer(onRequest, bounds),
}

export interface Started {
  readonly dns: Dns
  readonly port: number
}

/** A peer's name service, stopped when the test ends. */
export async function start(
  context: TestContext,
  name = 1,
  modules: Partial<DnsModules> = {},
  options: Partial<DnsOptions> = {},
): Promise<Started> {
  const dns = await onFreePort(
    async () => {
      const made = new Dns(
        { clock: systemClock, rng: systemRng, log: silentLog, ...modules },
        {
          name: name as PeerName,
          isKnownPeer: () => true,
          domain: 'weave.local',
          listen: [{ host: LOCAL, port: 0 }],
          ttlSec: 1,
          fallbackTimeout: 400,
          resolvConf: undefined,
          ...options,
        },
      )
      await made.start()
      return made
    },
    options.listen?.every(({ port }) => port === 0) ?? true,
  )
  context.after(() => dns.stop())
  return { dns, port: dns.addresses[0]?.port ?? 0 }
}

/** The system chooses a port that is free for TCP: another one while that is taken for UDP. */
async function onFreePort(open: () => Promise<Dns>, chosenBySystem: boolean): Promise<Dns> {
  for (;;) {
    try {
      return await open()
    } catch (thrown) {
      const taken = thrown instanceof WeaveError && /listen udp .*EADDRINUSE/.test(thrown.message)
      if (!taken || !chosenBySystem) throw thrown
    }
  }
}

/** RCODE and the data of all answers, sorted. */
export async function lookup(
  port: number,
  name: string,
  options: Parameters<typeof queryBytes>[2] = {},
): Promise<string> {
  return textOf(await ask('udp', LOCAL, port, queryBytes(name, 'A', options), 3000))
}

export function textOf(reply: Uint8Array | undefined): string {
  if (reply === undefined) return 'no reply'
  const message = decode(Buffer.from(reply)) as ReturnType<typeof decode> & { readonly rcode: string }
  return [
    message.rcode,
    ...(message.answers ?? []).map((answer) => ('data' in answer ? String(answer.data) : '')).sort(),
  ].join(' ')
}

/** Connects the two as the mesh would: what one broadcasts, the other gets. */
export function connect(a: Dns, b: Dns): void {
  const to = (peer: Dns, gossiper: 'gossiper' | 'recordGossiper'): Channel => ({
    broadcast: (gossip) => {
      for (const payload of gossip.encode()) peer[gossiper].onBroadcast(0 as PeerName, payload)
    },
  })
  a.connect({ names: to(b, 'gossiper'), records: to(b, 'recordGossiper') })
  b.connect({ names: to(a, 'gossiper'), records: to(a, 'recordGossiper') })
}

export function memoryStore(): NameStore & { saved: Uint8Array | undefined } {
  return {
    saved: undefined,
    load() {
      return this.saved
    },
    async save(bytes) {
      this.saved = bytes
    },
  }
}

/** A server on 127.0.0.N and a resolv.conf that names these. */
export async function upstreams(
  context: TestContext,
  ...scripts: readonly Script[]
): Promise<{
  readonly servers: readonly MockUpstream[]
  readonly options: Partial<DnsOptions>
  readonly file: string
}> {
  const directory = mkdtempSync(join(tmpdir(), 'weave-dns-'))
  const file = join(directory, 'resolv.conf')
  context.after(() => rmSync(directory, { recursive: true }))
  for (;;) {
    const port = 30_000 + systemRng.below(2000)
    const servers = scripts.map((script) => new MockUpstream(script))
    try {
      for (const [i, server] of servers.entries()) await server.start(`127.0.1.${i + 1}`, port)
    } catch {
      for (const server of servers) server.stop()
      continue
    }
    for (const server of servers) context.after(() => server.stop())
    writeFileSync(file, scripts.map((_, i) => `nameserver 127.0.1.${i + 1}\noptions trust-ad\n`).join(''))
    return { servers, file, options: { resolvConf: file, upstreamPort: port } }
  }
}

/** Answers every question with an address. */
export const answering =
  (
    address: string,
    more: { readonly ttl?: number; readonly after?: number; readonly flags?: number } = {},
  ): Script =>
  ({ query }) => {
    const { questions = [] } = decode(Buffer.from(query))
    const name = questions[0]?.name ?? ''
    const bytes = encode({
      type: 'response',
      flags: more.flags ?? 0x0180,
      questions,
      answers: more.flags === undefined ? [{ type: 'A', name, ttl: more.ttl ?? 300, data: address }] : [],
    })
    return { bytes, after: more.after ?? 0 }
  }

/** Never answers. */
export const silence: Script = () => undefined

export const add = (
  dns: Dns,
  fqdn: string,
  containerId: string,
  addr: string,
  byHand = false,
): Promise<boolean> => dns.names.add({ fqdn, containerId, addr: parseIp4(addr), byHand })
