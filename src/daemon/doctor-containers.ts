import type { AttachedInterface } from '../api/control.ts'
import type { Finding, Outcome } from '../host/probe/finding.ts'

const SHORT_ID = 12
const WITHOUT = 'the container cannot be reached'

/** A line for each container on the bridge of this host, with what is wrong with its addresses. */
export function containerFindings(attached: readonly AttachedInterface[]): readonly Finding[] {
  return attached.map((one) => ({
    id: `container-${one.id.slice(0, SHORT_ID)}`,
    group: 'containers',
    title: `container ${one.id.slice(0, SHORT_ID)}`,
    without: WITHOUT,
    outcome: judge(one, attached),
  }))
}

/** Why there is no list of containers. */
export const unknownContainers = (reason: string): Finding => ({
  id: 'containers',
  group: 'containers',
  title: 'containers on the bridge',
  without: 'trouble cannot be seen',
  outcome: { state: 'unknown', reason },
})

function judge({ id, mac, cidrs }: AttachedInterface, all: readonly AttachedInterface[]): Outcome {
  if (cidrs.length === 0) {
    const problem = 'its interface has no address'
    return { state: 'wrong', problem, advice: `give it one: weave attach ${id.slice(0, SHORT_ID)}` }
  }
  for (const cidr of cidrs) {
    const address = cidr.replace(/\/.*$/, '')
    // Containers that share a network namespace share the interface, too.
    const other = all.find(
      (one) => one.mac !== mac && one.cidrs.some((its) => its.replace(/\/.*$/, '') === address),
    )
    if (other !== undefined) {
      const problem = `${address} is also the address of container ${other.id.slice(0, SHORT_ID)}`
      return { state: 'wrong', problem, advice: `take it from one of them: weave detach ${cidr} CONTAINER` }
    }
  }
  return { state: 'works', detail: `${mac}, ${cidrs.join(', ')}` }
}
