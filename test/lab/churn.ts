import assert from 'node:assert/strict'
import type { z } from 'zod'
import { reportSchema } from '../../src/api/openapi/report-schema.ts'
import type { Lab } from './lab.ts'
import { addressOf, run } from './plugin-hosts.ts'

export type ReportedIpam = NonNullable<z.infer<typeof reportSchema>['IPAM']>

/** What a host of ours says of its part of IPAM, as the schema of the API has it. */
export async function ipamOf(lab: Lab, host: number): Promise<ReportedIpam> {
  const body = await lab.sh(host, 'curl -sf -H "Accept: application/json" http://127.0.0.1:6784/report')
  const { IPAM } = reportSchema.parse(JSON.parse(body))
  assert.ok(IPAM !== undefined)
  return IPAM
}

/** Who holds leases, as a host sees it. */
export const members = async (lab: Lab, host: number): Promise<readonly string[]> =>
  (await ipamOf(lab, host)).Leases?.Members ?? []

/** A host that comes under a name of its own, starts containers, and is switched off for good. */
export interface Guest {
  readonly host: number
  readonly name: string
  readonly flags: readonly string[]
  /** Whom it is told of at launch. */
  readonly peers: readonly string[]
}

/**
 * Switches the host off and puts another machine in its place, which knows nothing of the one before. (A dockerd that
 * knew of the network would wait a minute for its driver.)
 */
export async function anotherMachine(lab: Lab, host: number): Promise<void> {
  await lab.hosts(['kill', `${host}`])
  await lab.hosts(['start', `${host}`])
  await lab.sh(host, 'rm -rf /var/lib/weave /var/lib/docker/network /var/lib/docker/containers')
  await lab.hosts(['dockerd', `${host}`, 'start'])
}

/** The guest joins and starts its containers, all at once; gives their addresses. Throws where one gets none. */
export async function visit(lab: Lab, guest: Guest, containers: readonly string[]): Promise<string[]> {
  const { host, name, flags, peers } = guest
  await lab.weave(host, 'launch', ...flags, `--name=${name}`, ...peers)
  await Promise.all(containers.map((container) => run(lab, host, container, '--net=weave')))
  const addresses = await Promise.all(containers.map((container) => addressOf(lab, host, container)))
  assert.equal(new Set(addresses).size, containers.length, addresses.join(' '))
  return addresses
}
