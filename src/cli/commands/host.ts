import { CommandFailure, ExitStatus, type Io } from '../io.ts'

/** `weave docker-bridge-ip`: where containers find the host; without a line break, for `$(…)`. */
export async function dockerBridgeIp(io: Io): Promise<number> {
  const { interfaceAddress } = await import('../../daemon/offline.ts')
  const bridge = io.environment['DOCKER_BRIDGE'] || 'docker0'
  const address = await interfaceAddress(bridge)
  if (address === undefined) {
    throw new CommandFailure(ExitStatus.failure, `${bridge} has no IPv4 address; is dockerd running?`)
  }
  io.out(address)
  return ExitStatus.ok
}

/** `weave bridge-type`: fails silently when there is no bridge. */
export async function bridgeType(io: Io): Promise<number> {
  const offline = await import('../../daemon/offline.ts')
  const type = await offline.bridgeType()
  if (type === undefined) return ExitStatus.failure
  io.out(`${type}\n`)
  return ExitStatus.ok
}

/** `weave setup`: nothing has to be fetched, everything is in the package. */
export const setup = async (): Promise<number> => ExitStatus.ok

/** `weave setup-cni`. */
export async function setupCni(): Promise<number> {
  throw new CommandFailure(ExitStatus.failure, 'there is no CNI plugin in this release')
}
