import type { Cidr, Ip4 } from '../lib/ip4.ts'
import type { Mac } from '../lib/mac.ts'

/** What the bridge of the overlay must look like. */
export interface BridgeSpec {
  /** The peer name's six bytes: old tools find the peer name there. */
  readonly mac: Mac
  /** Taken over by container interfaces that name no MTU of their own. */
  readonly mtu: number
}

/** How to join a network namespace to the overlay (overlay §8.1). */
export interface AttachRequest {
  /** Becomes part of the veth names, cut to 7 characters: a pid or container id. */
  readonly id: string
  readonly cidrs: readonly Cidr[]
  /** Name inside the namespace, `ethwe` by default. */
  readonly ifname?: string
  /** MTU of the bridge by default. */
  readonly mtu?: number
  /** The kernel's choice by default. */
  readonly mac?: Mac
  /** 224.0.0.0/4 through the interface, added last; true by default. */
  readonly multicastRoute?: boolean
  /** Frames may leave by the port they came from; true by default, as scripts expect. */
  readonly hairpin?: boolean
  /** Leaves checksum offload of the container on; true by default: the packet engine completes checksums. */
  readonly keepTxOn?: boolean
}

export interface Attached {
  readonly ifname: string
  readonly mac: Mac
  readonly mtu: number
  /** False when the interface was there already and only addresses were added. */
  readonly created: boolean
  /** The addresses that were not there before. */
  readonly added: readonly Cidr[]
}

export interface DetachRequest {
  readonly cidrs: readonly Cidr[]
  readonly ifname?: string
}

export interface Detached {
  readonly removed: readonly Cidr[]
  /** True when no address was left and the interface is gone. */
  readonly interfaceRemoved: boolean
}

/** An endpoint for Docker's plugin: both ends stay in the host's namespace until Docker moves `guest`. */
export interface Endpoint {
  /** `vethwl` + 9 characters, a port of the bridge. */
  readonly host: string
  /** `vethwg` + 9 characters, what Docker moves into the container. */
  readonly guest: string
  readonly mac: Mac
}

export interface EndpointOptions {
  readonly mac?: Mac
  /** MTU of the bridge by default. */
  readonly mtu?: number
}

/** One interface that joins a namespace to the bridge. */
export interface ContainerInterface {
  readonly ifname: string
  readonly mac: Mac
  readonly cidrs: readonly Cidr[]
  /** The port of the bridge at the other end. */
  readonly port: string
}

/** An address of the host on the overlay. */
export interface Exposed {
  readonly cidr: Cidr
  readonly masquerade: boolean
}

/** What of ours is on this host, by name. */
export interface Inventory {
  readonly links: readonly string[]
  readonly exposed: readonly Exposed[]
}

/** Which datapath the devices on this host belong to (overlay §7.1); `none` when there is nothing. */
export type BridgeType = 'none' | 'bridge' | 'fastdp' | 'bridged_fastdp'

/** What the firewall must let through and keep out (overlay §7.5). */
export interface FirewallSpec {
  /** The control port on 127.0.0.1 to protect from routed traffic, if the API listens on TCP. */
  readonly controlPort?: number
  /** Mesh port; `port` and `port + 1` are refused from Docker's bridge. */
  readonly port: number
  /** Docker's bridge and its address, when there is one. */
  readonly dockerBridge?: { readonly name: string; readonly address: Ip4 }
}

/** What the kernel did that status should tell about. */
export type HostEvent =
  | { readonly kind: 'bridge-down' }
  | { readonly kind: 'bridge-up' }
  /** Somebody removed the bridge; it is made again, with its ports and addresses. */
  | { readonly kind: 'bridge-restored' }
  | { readonly kind: 'hairpin'; readonly port: string }
  | { readonly kind: 'port-added'; readonly port: string; readonly ifindex: number }
  | { readonly kind: 'port-removed'; readonly port: string; readonly ifindex: number }
  | { readonly kind: 'firewall-restored'; readonly missing: readonly string[] }
  | { readonly kind: 'firewall-failed'; readonly message: string }
