import { Allocator } from '../../../src/ipam/allocator.ts'
import { PersistBarrier } from '../../../src/ipam/barrier.ts'
import { formatIp4 } from '../../../src/lib/ip4.ts'
import { runScenario } from './scenario.ts'
import { World } from './world.ts'

const orig = World.prototype.comeBack
let w: World | undefined
World.prototype.comeBack = function (p) {
  w = this
  console.log(this.queue.now | 0, 'comeBack', p.name % 1000, this.isGone(p.name))
  orig.call(this, p)
}
const v = World.prototype.vanish
World.prototype.vanish = function (p) {
  w = this
  console.log(this.queue.now | 0, 'vanish', p.name % 1000)
  v.call(this, p)
}
const r = World.prototype.remove
World.prototype.remove = function (p, g) {
  if (this.isGone(g.name)) console.log(this.queue.now | 0, 'remove', g.name % 1000, 'on', p.name % 1000)
  r.call(this, p, g)
}
const out = runScenario(Number(process.argv[2]), {
  code: { Allocator, PersistBarrier },
  minutes: 30,
  maxPeers: 20,
})
console.log(out.violations.slice(0, 5))
const all = new Map<string, number[]>()
for (const { name, allocator } of w?.running ?? []) {
  const text = (allocator?.ring.entries ?? [])
    .map((e) => `${formatIp4(e.token as never)}:${e.peer % 1000}v${e.version}f${e.free}`)
    .join(' ')
  all.set(text, [...(all.get(text) ?? []), name % 1000])
}
for (const [t, n] of all) console.log(n.join(), '\n   ', t)
