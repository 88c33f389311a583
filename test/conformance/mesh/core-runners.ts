import type { Runners } from '../case.ts'
import { reportRunners } from './core-reports.ts'
import { routeRunners } from './core-routes.ts'
import { shortIdRunners } from './core-short-ids.ts'
import { topologyRunners } from './core-topology.ts'

export const meshCoreRunners: Runners = {
  ...topologyRunners,
  ...shortIdRunners,
  ...routeRunners,
  ...reportRunners,
}
