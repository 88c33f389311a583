/**
 * One host's data plane without mesh, daemon or containers, in the current network namespace: creates the TAP, makes it
 * a port of BRIDGE, talks sleeve to one neighbour. Control messages go as JSON lines over standard input and output to
 * whoever runs the other side.
 *
 *   node --import tsx test/support/bare-engine.ts '{"self":1,"remote":2,"peer":"10.0.0.2","outbound":true,…}'
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { systemClock } from '../../src/lib/clock.ts'
import type { Log } from '../../src/lib/log.ts'
import { peerName } from '../../src/lib/peer-name.ts'
import { Engine } from '../../src/native/engine.ts'
import { DataPlane } from '../../src/overlay/data-plane.ts'
import { SleeveOverlay } from '../../src/overlay/sleeve-overlay.ts'
import type { BareNeighbour, BareOptions } from './bare-options.ts'

const options = JSON.parse(process.argv[2] ?? '{}') as BareOptions
const self = peerName(options.self)

const say = (message: object): void => {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}
const logAt =
  (level: string) =>
  (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
    say({ kind: 'log', level, message, fields })
  }
const log: Log = {
  debug: logAt('debug'),
  info: logAt('info'),
  warn: logAt('warn'),
  error: logAt('error'),
  child: () => log,
}

let attached = 0
const sleeve = new SleeveOverlay(
  {
    clock: systemClock,
    log,
    openEngine: (onEvents) =>
      new Engine(
        {
          self,
          tap: options.tap,
          mtu: options.mtu,
          localMtu: options.localMtu ?? 0,
          host: '',
          port: options.port,
        },
        onEvents,
      ),
    ciphers: options.ciphers ?? [],
    rekey: { everyMs: options.rekeyEvery ?? 3_600_000, everyBytes: 2 ** 36 },
    attach: async () => {
      attached++
      execFileSync('ip', ['link', 'set', options.tap, 'master', options.bridge])
      say({ kind: 'attached', times: attached })
    },
  },
  self,
)
const plane = new DataPlane({ clock: systemClock, log, overlays: [sleeve] })
await plane.start()

const connect = (neighbour: BareNeighbour) => {
  const remote = peerName(neighbour.name)
  const connection = plane.prepare(
    {
      remote,
      remoteNickname: `host${neighbour.name}`,
      remoteShortId: undefined,
      local: { host: '0.0.0.0', port: 0 },
      peer: { host: neighbour.address, port: neighbour.outbound ? options.port : 40_000 },
      outbound: neighbour.outbound,
      connUid: BigInt(neighbour.uid),
      sessionKey:
        neighbour.key === undefined ? undefined : Uint8Array.from(Buffer.from(neighbour.key, 'hex')),
      features: plane.features(),
    },
    {
      send: (tag, payload) =>
        say({ kind: 'control', to: neighbour.name, tag, payload: Buffer.from(payload).toString('hex') }),
      established: () => say({ kind: 'established', peer: neighbour.name }),
      failed: (reason) => say({ kind: 'failed', peer: neighbour.name, reason }),
    },
  )
  return connection
}
const connections = new Map(options.neighbours.map((neighbour) => [neighbour.name, connect(neighbour)]))

const via = new Map(
  (options.routes ?? options.neighbours.map(({ name }) => [name, name])).map(([to, next]) => [
    peerName(to),
    peerName(next),
  ]),
)
const trees = new Map(
  (options.trees ?? [[options.self, options.neighbours.map(({ name }) => name)]]).map(([source, next]) => [
    peerName(source),
    next.map(peerName),
  ]),
)
plane.routesChanged({ unicast: via, broadcast: (source) => trees.get(source) ?? [], sources: trees.keys() })

const commands = createInterface({ input: process.stdin })
commands.on('line', (line) => {
  const command = JSON.parse(line) as { kind: string; from: number; tag: number; payload: string }
  const now = systemClock.now()
  if (command.kind === 'confirm') for (const connection of connections.values()) connection.confirm(now)
  if (command.kind === 'renew') {
    const neighbour = options.neighbours.find(({ name }) => name === command.from)
    connections.get(command.from)?.stop()
    if (neighbour === undefined) throw new Error(`no neighbour ${command.from}`)
    const connection = connect({ ...neighbour, key: command.payload })
    connections.set(command.from, connection)
    connection.confirm(now)
  }
  if (command.kind === 'control') {
    connections
      .get(command.from)
      ?.control(command.tag, Uint8Array.from(Buffer.from(command.payload, 'hex')), now)
  }
  if (command.kind === 'status') {
    say({
      kind: 'status',
      counters: Object.fromEntries(sleeve.counters()),
      macs: sleeve.macs(),
      attributes: Object.fromEntries(
        [...connections].map(([name, connection]) => [name, connection.attributes()]),
      ),
      rssKb: Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]),
    })
  }
})
commands.on('close', () => {
  plane.stop().then(
    () => process.exit(0),
    (thrown: unknown) => {
      log.error('stopping failed', { error: String(thrown) })
      process.exit(1)
    },
  )
})
say({ kind: 'ready' })
