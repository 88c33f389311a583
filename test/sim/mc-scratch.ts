import { History } from './history.ts'
import { World } from './world.ts'

const n = Number(process.argv[2] ?? 30)
const old = process.argv[3] === 'old'
const world = new World(Number(process.argv[4] ?? 1), [], new History(100))
const t0 = process.cpuUsage()
for (let i = 0; i < n; i++) world.add({ oldMode: old })
const hub = world.hosts[0]!
hub.start()
for (const host of world.hosts.slice(1)) {
  host.targets = [hub.address]
  host.start()
}
function full(): [boolean, boolean] {
  let conns = true,
    topo = true
  for (const host of world.hosts) {
    const s = host.node.peers.self
    if (s.claims.size !== n - 1) conns = false
    if (host.node.peers.size !== n) topo = false
    else
      for (const p of host.node.peers) {
        let e = 0
        for (let i = 0; i < p.claims.size; i++) if (p.claims.establishedAt(i)) e++
        if (e !== n - 1) {
          topo = false
          break
        }
      }
  }
  return [conns, topo]
}
let c: number | undefined
for (let t = 0; t < 120_000; t += 50) {
  world.run(50)
  const [conns, topo] = full()
  if (conns) c ??= t
  if (t % 1000 === 0)
    console.log(
      t,
      world.hosts.reduce((s, h) => s + h.node.peers.self.claims.size, 0),
      world.hosts.reduce((s, h) => s + h.messages, 0),
      (world.hosts.reduce((s, h) => s + h.bytes, 0) / 1e6).toFixed(2),
      JSON.stringify(process.cpuUsage(t0)),
    )
  if (topo) {
    console.log('connected', c, 'agreed', t)
    break
  }
}
const cpu = process.cpuUsage(t0)
console.log({
  n,
  messages: world.hosts.reduce((s, h) => s + h.messages, 0),
  MB: world.hosts.reduce((s, h) => s + h.bytes, 0) / 1e6,
  cpu: (cpu.user + cpu.system) / 1e6,
  rss: process.memoryUsage().rss / 1e6,
  heap: process.memoryUsage().heapUsed / 1e6,
  ext: process.memoryUsage().external / 1e6,
  term: world.hosts.reduce((s, h) => s + h.node.snapshot().terminationCount, 0),
  recalc: world.hosts.reduce((s, h) => s + h.node.routes.recalculations, 0),
})
const ch: any = {}
for (const h of world.hosts)
  for (const c of h.node.snapshot().channels) {
    ch[c.name] ??= [0, 0]
    ch[c.name][0] += c.messagesOut
    ch[c.name][1] += c.bytesOut
  }
console.log(ch)
const b1 = world.hosts.reduce((s, h) => s + h.bytes, 0),
  m1 = world.hosts.reduce((s, h) => s + h.messages, 0)
world.run(60_000)
console.log(
  'per 30 s after:',
  (world.hosts.reduce((s, h) => s + h.messages, 0) - m1) / 2,
  (world.hosts.reduce((s, h) => s + h.bytes, 0) - b1) / 2e6,
)
console.log((globalThis as any).ST)
