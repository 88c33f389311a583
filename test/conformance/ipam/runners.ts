import type { Runners } from '../case.ts'
import { ringOps, ringRandom } from './ring.ts'
import { space } from './space.ts'

export const ipamRunners: Runners = {
  'ipam/ring-ops.json': ringOps,
  'ipam/ring-random.json': ringRandom,
  'ipam/space.json': space,
}
