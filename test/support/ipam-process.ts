/**
 * One peer's allocator on a real store, as a process that dies at a point of its own choice: the `write`th commit,
 * before it, inside the transaction, or after it with nobody told. Talks JSON lines with the test on its other side.
 *
 *   node --import tsx test/support/ipam-process.ts '{"directory":"/tmp/x","dieAt":{"write":3,"point":"inside"}}'
 */
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Ipam } from '../../src/ipam/ipam.ts'
import { StoredIpamState } from '../../src/ipam/stored-state.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { messageOf } from '../../src/lib/errors.ts'
import { formatCidr, parseCidr } from '../../src/lib/ip4.ts'
import { silentLog } from '../../src/lib/log.ts'
import { systemRng } from '../../src/lib/rng.ts'
import { LmdbStore } from '../../src/state/lmdb-store.ts'
import type { FromProcess, ProcessOptions, ToProcess } from './ipam-process-lines.ts'
import { CONSENSUS, SUBNET, TESTER, VICTIM } from './ipam-process-lines.ts'

const { directory, dieAt } = JSON.parse(process.argv[2] ?? '{}') as ProcessOptions

// Written at once: what was said before the end counts as said.
const say = (line: FromProcess): void => {
  writeSync(1, `${JSON.stringify(line)}\n`)
}
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

let writes = 0
const store = LmdbStore.open(directory, (point) => {
  if (point === 'before') writes++
  if (dieAt?.write === writes && dieAt.point === point) process.kill(process.pid, 'SIGKILL')
})
const ipam = new Ipam(
  {
    clock: systemClock,
    rng: systemRng,
    log: silentLog,
    store: new StoredIpamState(store),
    isKnown: (peer) => peer === TESTER,
  },
  {
    name: VICTIM,
    nickname: 'victim',
    uid: systemRng.u64(),
    range: parseCidr(SUBNET),
    defaultSubnet: parseCidr(SUBNET),
    init: CONSENSUS,
    quorum: () => 2,
  },
)

await ipam.start(
  {
    allocation: {
      unicast: (_, payload) => {
        say({ kind: 'unicast', payload: hex(payload) })
        return undefined
      },
      broadcast: (state) => {
        for (const payload of state.encode()) say({ kind: 'broadcast', payload: hex(payload) })
      },
    },
    takeover: { unicast: () => undefined },
  },
  [],
)

async function serve(line: ToProcess): Promise<void> {
  switch (line.kind) {
    case 'allocate': {
      const cidr = await ipam.allocate(line.ident)
      say({ kind: 'given', ident: line.ident, cidr: formatCidr(cidr) })
      return
    }
    case 'delete':
      await ipam.delete(line.ident).catch((thrown: unknown) => {
        if (!/no addresses/.test(messageOf(thrown))) throw thrown
      })
      say({ kind: 'deleted', ident: line.ident })
      return
    case 'unicast':
      ipam.gossiper.onUnicast(TESTER, Buffer.from(line.payload, 'hex'))
      return
    case 'broadcast':
      ipam.gossiper.onBroadcast(TESTER, Buffer.from(line.payload, 'hex'))
      return
    case 'tell':
      for (const payload of ipam.gossiper.complete()?.encode() ?? [])
        say({ kind: 'complete', payload: hex(payload) })
      return
    case 'list': {
      const owned = [...ipam.owned].map(([ident, { cidrs }]): [string, string[]] => [
        ident,
        cidrs.map(formatCidr),
      ])
      say({ kind: 'owned', owned })
      return
    }
    default:
      line satisfies never
  }
}

say({ kind: 'ready' })
createInterface({ input: process.stdin }).on('line', (text) => {
  serve(JSON.parse(text) as ToProcess).catch((thrown: unknown) =>
    say({ kind: 'failed', reason: messageOf(thrown) }),
  )
})
process.stdin.on('end', () => process.exit())
