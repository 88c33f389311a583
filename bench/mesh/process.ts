import { systemClock } from '../../src/lib/clock.ts'
import { silentLog } from '../../src/lib/log.ts'
import { peerName } from '../../src/lib/peer-name.ts'
import { systemRng } from '../../src/lib/rng.ts'
import { MeshRouter } from '../../src/mesh/router.ts'
import { loadSodium } from '../../src/native/sodium.ts'
import { MemoryOverlay } from '../../test/support/memory-overlay.ts'
import { addressOf, type Order, type Usage } from './protocol.ts'

/** Runs some of the routers of one measurement; told what to do by its parent. */
const routers: { readonly router: MeshRouter; readonly overlay: MemoryOverlay }[] = []

process.on('message', (order: Order) => {
  void obey(order)
})
process.on('disconnect', () => process.exit(0))

async function obey(order: Order): Promise<void> {
  switch (order.kind) {
    case 'start':
      for (let index = order.first; index < order.last; index++) await start(order, index)
      process.send?.({ kind: 'started' })
      return
    case 'connect':
      // A star: everybody is told of the first one only and discovers the others.
      await Promise.all(
        routers.map(async ({ router }, i) => {
          if (order.first + i > 0) await router.connect([addressOf(order.run, 0)])
        }),
      )
      watch(order.peers)
      return
    case 'stop':
      await Promise.all(routers.map(({ router }) => router.stop()))
      process.exit(0)
  }
}

async function start(order: Extract<Order, { kind: 'start' }>, index: number): Promise<void> {
  const overlay = new MemoryOverlay()
  const router = new MeshRouter(
    { clock: systemClock, rng: systemRng, log: silentLog, crypto: loadSodium(), overlay },
    {
      name: peerName(0x02_00_00_00_00_01 + index),
      nickname: `peer${index}`,
      host: addressOf(order.run, index),
      port: order.port,
      password: order.password === undefined ? undefined : new TextEncoder().encode(order.password),
      minVersion: 2,
      maxVersion: 2,
      connectionLimit: 0,
      discovery: true,
      trustedSubnets: [],
    },
  )
  await router.start()
  routers.push({ router, overlay })
}

/** Reports once every router of this process has a connection and a direct route to every other peer. */
function watch(peers: number): void {
  const lacksSomebody = ({ overlay }: (typeof routers)[number]): boolean => !overlay.isFullMesh(peers - 1)
  let last = routers[0]
  const timer = setInterval(() => {
    // Whoever lacked somebody a moment ago is asked first: asking all costs time that the routers need.
    if (last !== undefined && lacksSomebody(last)) return
    last = routers.find(lacksSomebody)
    if (last !== undefined) return
    clearInterval(timer)
    process.send?.({ kind: 'converged', usage: usage() })
  }, 20)
}

function usage(): Usage {
  // First, because asking so many routers for their status costs time and memory itself.
  const at = performance.timeOrigin + performance.now()
  const { user, system } = process.cpuUsage()
  const rss = process.memoryUsage.rss()
  const channels = routers.flatMap(({ router }) => router.status().channels)
  return {
    bytes: routers.reduce((sum, { router }) => sum + router.counters().bytesOut, 0),
    messages: channels.reduce((sum, channel) => sum + channel.messagesOut, 0),
    dials: routers.reduce((sum, { router }) => sum + router.counters().dialled, 0),
    cpuSeconds: (user + system) / 1e6,
    rss,
    at,
  }
}
