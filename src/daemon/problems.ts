import { conflictAdvice } from '../ipam/snapshot.ts'
import type { ReportSources } from './report.ts'

/** What keeps this peer from doing all that it was launched for, with what helps; empty when nothing does. */
export function findProblems({ ipam, docker, dns, dataPath }: ReportSources): readonly string[] {
  const state = docker?.engineState
  const network = docker?.pluginStatus()?.problem
  return [
    ...(ipam === undefined ? [] : conflictAdvice(ipam.snapshot())),
    ...(state?.kind === 'absent' ? [state.reason] : []),
    ...(state?.kind === 'connected' && network !== undefined ? [network] : []),
    ...(dns !== undefined && dns.status().addresses.length === 0
      ? ['names are not served: no address to listen on; use --dns-listen-address']
      : []),
    ...(dataPath.fastdpProblem === undefined ? [] : [`no fast datapath: ${dataPath.fastdpProblem}`]),
  ]
}
