import type { Report } from './report.ts'

/** What the control API asks of the daemon. */
export interface Control {
  report(): Report
  /** Resolves when everything that was asked for at launch is there; rejects when `signal` is aborted. */
  whenReady(signal: AbortSignal): Promise<void>
  /** One line for each peer that could not be added; the others are added (http §2.3). */
  connect(peers: readonly string[], replace: boolean): Promise<readonly string[]>
  forget(peers: readonly string[]): void
  /** Gives our IP space away and allocates no more, and tells neighbours that we leave for good (before `weave reset`). */
  handOver(): Promise<void>
  /** Takes over the space of a dead peer by name or nickname; undefined when IPAM is off. */
  removePeer(peer: string, options: RemovePeerOptions): Promise<number | undefined>
  expose(cidr: string, options: { readonly masquerade: boolean }): Promise<void>
  hide(cidr: string): Promise<void>
  attach(request: AttachRequest, signal: AbortSignal): Promise<readonly string[]>
  detach(request: DetachRequest, signal: AbortSignal): Promise<readonly string[]>
  /** Docker's default network goes, unless containers are connected to it: those are given. Undefined without Docker. */
  removeDockerNetwork(): Promise<
    { readonly network: string; readonly attached: readonly string[] } | undefined
  >
  /** Interfaces on the weave bridge, that of the bridge itself first. */
  attached(containers: readonly string[] | undefined): Promise<readonly AttachedInterface[]>
}

export interface RemovePeerOptions {
  /** Even when a peer of that name is reachable. */
  readonly force: boolean
  /** Other dead peers that are removed by the same command. */
  readonly gone: readonly string[]
  readonly signal: AbortSignal
}

/** `weave attach`: addresses as the user types them (`net:default`, `net:CIDR`, `CIDR`, `ip:CIDR`). */
export interface AttachRequest {
  readonly container: string
  readonly addresses: readonly string[]
  readonly dns: boolean
  readonly multicastRoute: boolean
  readonly rewriteHosts: boolean
  /** `NAME:IP` lines for the rewritten hosts file. */
  readonly extraHosts: readonly string[]
}

export interface DetachRequest {
  readonly container: string
  readonly addresses: readonly string[]
}

export interface AttachedInterface {
  /** What `weave ps` prints first: twelve characters. */
  readonly id: string
  readonly mac: string
  readonly cidrs: readonly string[]
}
