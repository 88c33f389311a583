import type { Runners } from './case.ts'
import { cliRunners } from './cli/runners.ts'
import { dnsRunners } from './dns/runners.ts'
import { httpRunners } from './http/runners.ts'
import { ipamRunners } from './ipam/runners.ts'
import { meshCoreRunners } from './mesh/core-runners.ts'
import { meshWireRunners } from './mesh/wire-runners.ts'
import { overlayRunners } from './overlay/runners.ts'
import { pluginRunners } from './plugin/transcripts.ts'

/** Every vector file that we know how to run; a file without a runner counts as not run. */
export const runners: Runners = {
  ...meshWireRunners,
  ...meshCoreRunners,
  ...ipamRunners,
  ...dnsRunners,
  ...overlayRunners,
  ...pluginRunners,
  ...httpRunners,
  ...cliRunners,
}
