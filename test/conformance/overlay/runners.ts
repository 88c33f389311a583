import type { Runners } from '../case.ts'
import { espRunners } from './esp.ts'
import { fastdpRunners } from './fastdp.ts'
import { frameRunners } from './frames.ts'
import { secretboxRunners } from './secretbox.ts'
import { sleeveRunners } from './sleeve.ts'
import { vxlanRunners } from './vxlan.ts'

export const overlayRunners: Runners = {
  ...espRunners,
  ...sleeveRunners,
  ...fastdpRunners,
  ...frameRunners,
  ...secretboxRunners,
  ...vxlanRunners,
}
