import { History } from './history.ts'
import { World } from './world.ts'

/**
 * Pairs of hosts that dial each other at the same moment. Both ends have to keep the same one of the two connections:
 * what is broken, for the test that drops the tie-break.
 */
export function crossDials(seed: number): string[] {
  const broken: string[] = []
  for (let i = 0; i < 20; i++) {
    const world = new World(seed * 1000 + i, [], new History(200))
    const [a, b] = [world.add(), world.add()]
    world.network.change(a.address, b.address, { delay: 1 + i })
    a.targets = [b.address]
    b.targets = [a.address]
    a.start()
    b.start()
    world.run(1_000)
    for (const host of [a, b]) {
      const { connections, terminationCount } = host.node.snapshot()
      const established = connections.filter(({ state }) => state === 'established').length
      if (established !== 1 || terminationCount > 1) {
        broken.push(`${host.options.nickname}: ${established} connections, ${terminationCount} ended`)
      }
    }
  }
  return broken
}
