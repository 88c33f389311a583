import { setTimeout as sleep } from 'node:timers/promises'
import type {
  AttachedInterface,
  AttachRequest,
  Control,
  DetachRequest,
  RemovePeerOptions,
} from '../api/control.ts'
import type { Report } from '../api/report.ts'
import { parseAddressRequest } from '../docker/address-request.ts'
import type { Host } from '../host/host.ts'
import { WeaveError } from '../lib/errors.ts'
import { formatCidr, parseCidr } from '../lib/ip4.ts'
import { formatMac } from '../lib/mac.ts'
import { EXPOSE_IDENT } from './build-ipam.ts'
import { type ReportSources, takeReport } from './report.ts'

/** Looking costs nothing, and a launch waits for it. */
const READY_EVERY_MS = 5

/** The daemon as the control API sees it. */
export class DaemonControl implements Control {
  readonly #sources: ReportSources
  readonly #host: Host
  readonly #isServing: () => boolean

  constructor(sources: ReportSources & { readonly host: Host; readonly isServing: () => boolean }) {
    this.#sources = sources
    this.#host = sources.host
    this.#isServing = sources.isServing
  }

  report(): Report {
    const report = takeReport(this.#sources)
    return { ...report, Ready: report.Ready && this.#isServing() }
  }

  async whenReady(signal: AbortSignal): Promise<void> {
    const { docker } = this.#sources
    while (!(this.#isServing() && (docker?.ready ?? true))) await sleep(READY_EVERY_MS, undefined, { signal })
  }

  connect(peers: readonly string[], replace: boolean): Promise<readonly string[]> {
    return this.#sources.router.connect(peers, { replace })
  }

  forget(peers: readonly string[]): void {
    this.#sources.router.forget(peers)
  }

  async handOver(): Promise<void> {
    try {
      await this.#sources.ipam?.handOver()
    } finally {
      this.#sources.router.leave()
    }
  }

  async removePeer(peer: string, options: RemovePeerOptions): Promise<number | undefined> {
    return this.#sources.ipam?.removePeer(peer, options)
  }

  async expose(cidr: string, options: { readonly masquerade: boolean }): Promise<void> {
    await this.#host.expose(parseCidr(cidr), options)
  }

  async hide(cidr: string): Promise<void> {
    await this.#host.hide(parseCidr(cidr))
  }

  async attach(request: AttachRequest, signal: AbortSignal): Promise<readonly string[]> {
    const cidrs = await this.#docker().attach(
      {
        container: request.container,
        addresses: request.addresses.map(parseAddressRequest),
        multicastRoute: request.multicastRoute,
        withoutDns: !request.dns,
        ...(request.rewriteHosts && { rewriteHosts: { extra: request.extraHosts } }),
      },
      signal,
    )
    return cidrs.map(formatCidr)
  }

  async detach(request: DetachRequest): Promise<readonly string[]> {
    const { container, addresses } = request
    const cidrs = await this.#docker().detach({ container, addresses: addresses.map(parseAddressRequest) })
    return cidrs.map(formatCidr)
  }

  async attached(containers: readonly string[] | undefined): Promise<readonly AttachedInterface[]> {
    const named = containers?.filter((container) => container !== EXPOSE_IDENT)
    const bridge = containers === undefined || containers.includes(EXPOSE_IDENT) ? await this.#bridge() : []
    if (named?.length === 0) return bridge
    const attachments = (await this.#sources.docker?.attachments(named)) ?? []
    return [
      ...bridge,
      ...attachments.map(({ container, mac, cidrs }) => ({
        id: container,
        mac: formatMac(mac),
        cidrs: cidrs.map(formatCidr),
      })),
    ]
  }

  async removeDockerNetwork() {
    const { docker, config } = this.#sources
    if (docker === undefined) return undefined
    const removal = await docker.removeDefaultNetwork()
    return {
      network: config.meshNetworkName,
      attached: removal.kind === 'in-use' ? removal.containerIds : [],
    }
  }

  /** The host itself, shown first and even without an address (cli §1.11). */
  async #bridge(): Promise<readonly AttachedInterface[]> {
    const mac = await this.#host.bridgeMac()
    if (mac === undefined) return []
    const exposed = await this.#host.exposed()
    return [{ id: EXPOSE_IDENT, mac: formatMac(mac), cidrs: exposed.map(({ cidr }) => formatCidr(cidr)) }]
  }

  #docker(): NonNullable<ReportSources['docker']> {
    const { docker } = this.#sources
    if (docker !== undefined) return docker
    throw new WeaveError('no-docker', 'weave was launched without Docker (--docker-api is empty)')
  }
}
