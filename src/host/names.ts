/** Device names of overlay §7.2, which scripts and `weave reset` of old versions know. */
export const BRIDGE = 'weave'
export const CONTAINER_IFNAME = 'ethwe'

export interface PairNames {
  /** The port of the bridge. */
  readonly host: string
  readonly guest: string
}

/** The pair between a container that was attached and the bridge; the id is cut to 7 characters. */
export const attachNames = (id: string): PairNames => ({
  host: `vethwepl${id.slice(0, 7)}`,
  guest: `vethwepg${id.slice(0, 7)}`,
})

/** The pair of an endpoint of the Docker plugin; 9 characters of its id. */
export const endpointNames = (id: string): PairNames => ({
  host: `vethwl${id.slice(0, 9)}`,
  guest: `vethwg${id.slice(0, 9)}`,
})

/** What endpoints were called before 1.6, for containers that live through an upgrade. */
export const oldEndpointName = (id: string): string => `vethwl${id.slice(0, 5)}`

/** True for device names that only we, or an older weave, give in the host's namespace; the bridge is not among them. */
export const isOurs = (ifname: string): boolean => /^vethw[elg]/.test(ifname) || /^weave-/.test(ifname)

/** True for the bridge's end of a container's pair. */
export const isContainerPort = (ifname: string): boolean => /^vethw(?:epl|ebl|l)/.test(ifname)
