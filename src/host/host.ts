import type { Log } from '../lib/log.ts'
import { attachNamespace, detachNamespace } from './attach.ts'
import { detectBridgeType, ensureBridge, ensureBridgePort } from './bridge.ts'
import { Links } from './links.ts'
import { BRIDGE } from './names.ts'
import { inNetns, Netns } from './netns.ts'
import type { Attached, AttachRequest, BridgeSpec, BridgeType, Detached, DetachRequest } from './types.ts'
import { requireBridge } from './veth.ts'

export interface HostModules {
  readonly log: Log
}

export interface HostOptions {
  /** Name of the bridge, `weave` by default. */
  readonly bridge?: string
}

/**
 * The host's share of the network: bridge, veth pairs, addresses, firewall. Every call brings the kernel to what is
 * asked, whatever was there before; what fails throws `KernelError` or `WeaveError` with words for the user.
 */
export class Host {
  readonly #log: Log
  readonly #links: Links
  readonly #bridge: string

  constructor({ log }: HostModules, options: HostOptions = {}) {
    this.#log = log
    this.#links = new Links(Netns.host)
    this.#bridge = options.bridge ?? BRIDGE
  }

  bridgeType(): Promise<BridgeType> {
    return detectBridgeType(this.#links, this.#bridge)
  }

  async ensureBridge(spec: BridgeSpec): Promise<void> {
    await ensureBridge(this.#links, this.#bridge, spec, this.#log)
  }

  /** Makes an interface that exists, e.g. the engine's TAP, a port of the bridge. */
  async ensureBridgePort(ifname: string): Promise<void> {
    await ensureBridgePort(this.#links, await requireBridge(this.#links, this.#bridge), ifname)
  }

  /** Joins the namespace at a path, e.g. `/proc/PID/ns/net`, to the overlay; idempotent. */
  attach(netnsPath: string, request: AttachRequest): Promise<Attached> {
    return inNetns(netnsPath, (ns) => attachNamespace(this.#modules(), this.#bridge, ns, request))
  }

  /** Takes addresses from the namespace, and with the last one its interface; idempotent. */
  detach(netnsPath: string, request: DetachRequest): Promise<Detached> {
    return inNetns(netnsPath, (ns) => detachNamespace(this.#modules(), ns, request))
  }

  async close(): Promise<void> {
    await this.#links.close()
  }

  #modules() {
    return { links: this.#links, log: this.#log }
  }
}
