import { setTimeout as sleep } from 'node:timers/promises'
import { containerNamespaces, unlessGone } from '../docker/namespaces.ts'
import type { Host } from '../host/host.ts'
import type { Clock } from '../lib/clock.ts'
import { messageOf } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import { formatPeerName } from '../lib/peer-name.ts'
import type { DataPlane } from '../overlay/data-plane.ts'
import { DeviceMtu } from '../overlay/device-mtu.ts'
import type { Fastdp } from '../overlay/fastdp/fastdp.ts'
import type { SleeveOverlay } from '../overlay/sleeve-overlay.ts'

const LOOK_MS = 1000
/** Neighbours that were told to send less have stopped to send more. */
const TOLD_MS = 1000

export interface ContainerMtuParts {
  readonly clock: Clock
  readonly log: Log
  readonly host: Pick<Host, 'setMtu' | 'followMtu'>
  readonly plane: Pick<DataPlane, 'pathMtus'>
  readonly sleeve: Pick<SleeveOverlay, 'setLocalMtu'>
  readonly fastdp: Pick<Fastdp, 'setLocalMtu'> | undefined
}

export interface ContainerMtuOptions {
  readonly mtu: number
  /** The user named it: it stays. */
  readonly pinned: boolean
  /** Devices of ours that have it too, besides the bridge and the pair to the switch. */
  readonly devices: readonly string[]
  readonly procPath: string
}

/** Keeps the MTU of the bridge, of new containers and of running ones at what the paths to all neighbours carry. */
export class ContainerMtu {
  readonly #parts: ContainerMtuParts
  readonly #options: ContainerMtuOptions
  readonly #rule: DeviceMtu
  #mtu: number
  #ticker: NodeJS.Timeout | undefined
  #changing: Promise<void> | undefined

  constructor(parts: ContainerMtuParts, options: ContainerMtuOptions) {
    this.#parts = parts
    this.#options = options
    this.#mtu = options.mtu
    this.#rule = new DeviceMtu(options.mtu)
  }

  /** What containers have. */
  get mtu(): number {
    return this.#mtu
  }

  start(): void {
    if (!this.#options.pinned) this.#ticker ??= setInterval(() => this.#look(), LOOK_MS)
  }

  /** Containers keep what they have. Idempotent. */
  async stop(): Promise<void> {
    clearInterval(this.#ticker)
    this.#ticker = undefined
    await this.#changing
  }

  /** For `weave report`. */
  report(): NonNullable<{ readonly Containers: number; readonly Because: string }> {
    return { Containers: this.#mtu, Because: this.#because() }
  }

  #because(): string {
    const { narrowest, pending } = this.#rule
    if (this.#options.pinned) return 'it was named at launch (--mtu)'
    if (narrowest === undefined) return 'no path to a neighbour has been measured'
    const path = `the narrowest path, to ${formatPeerName(narrowest.peer)}, carries ${narrowest.mtu}`
    if (pending === undefined) return path
    const seconds = Math.max(0, (pending.at - this.#parts.clock.now()) / 1000)
    return `${path}; ${pending.mtu} in ${seconds.toFixed(0)} s`
  }

  #look(): void {
    if (this.#changing !== undefined) return
    const { clock, log, plane } = this.#parts
    const mtu = this.#rule.look(plane.pathMtus(), clock.now())
    if (mtu === undefined) return
    this.#changing = this.#change(mtu)
      .catch((thrown: unknown) => {
        log.error('cannot change the MTU of containers', { mtu, reason: messageOf(thrown) })
      })
      .finally(() => {
        this.#changing = undefined
      })
  }

  /** Nobody sends more than what is taken at the other end: first the receivers when it grows, last when it shrinks. */
  async #change(mtu: number): Promise<void> {
    const { sleeve, fastdp, log } = this.#parts
    const from = this.#mtu
    this.#mtu = mtu
    log.info('the MTU of containers changes', { from, to: mtu, because: this.#because() })
    const tell = (): void => {
      sleeve.setLocalMtu(mtu)
      fastdp?.setLocalMtu(mtu)
    }
    if (mtu < from) {
      tell()
      await sleep(TOLD_MS)
    }
    await this.#setDevices(from, mtu)
    if (mtu > from) tell()
  }

  async #setDevices(from: number, to: number): Promise<void> {
    const { host, log } = this.#parts
    await host.setMtu(to, this.#options.devices)
    const changed: string[] = []
    for (const { path } of containerNamespaces(this.#options.procPath)) {
      try {
        changed.push(...(await unlessGone(host.followMtu(path, { from, to }))))
      } catch (thrown) {
        log.warn('a container keeps its MTU', { namespace: path, reason: messageOf(thrown) })
      }
    }
    log.debug('interfaces have another MTU', { from, to, interfaces: changed.length })
  }
}
