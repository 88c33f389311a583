import { mkdirSync, readdirSync, readFileSync, rmdirSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { attachIngress } from './attach.ts'
import { type BpfDoors, bpfDoors } from './doors.ts'

/** Changes whenever the layout of a map does: a new build never reads old bytes in a new way. */
const LAYOUT = 'v1'
/** Where systemd mounts it. Elsewhere we mount one of our own, which `weave reset` can take away whole. */
const SYSTEM_BPF_FS = '/sys/fs/bpf'
const OWN_BPF_FS = '/run/weave/bpf'

/**
 * The names in the BPF file system under which maps and links outlive the daemon, so that frames go on flowing
 * while it restarts and its successor takes over what is there:
 * `/sys/fs/bpf/weave/v1/map_NAME`, `…/link_DEVICE_INDEX`.
 */
export class Pins {
  readonly #doors: BpfDoors
  readonly #directory: string

  private constructor(doors: BpfDoors, directory: string) {
    this.#doors = doors
    this.#directory = directory
  }

  /** Mounts the BPF file system where it is missing; throws where that is not allowed. */
  static open(doors: BpfDoors): Pins {
    const root = isMounted(SYSTEM_BPF_FS) ? SYSTEM_BPF_FS : OWN_BPF_FS
    if (root === OWN_BPF_FS) mkdirSync(OWN_BPF_FS, { recursive: true, mode: 0o700 })
    doors.bpfMountFs(root)
    const directory = join(root, 'weave', LAYOUT)
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    return new Pins(doors, directory)
  }

  /** The descriptor of a map that an earlier daemon pinned. */
  map(name: string): number | undefined {
    return this.#doors.bpfGet(join(this.#directory, `map_${name}`))
  }

  keepMap(name: string, descriptor: number): void {
    if (this.map(name) === undefined) this.#doors.bpfPin(descriptor, join(this.#directory, `map_${name}`))
  }

  /**
   * Attaches a program at the ingress of a device: by swapping the program of the pinned link, under traffic,
   * where there is one for this very device, else anew.
   */
  attach(device: { readonly name: string; readonly ifindex: number }, program: number, name: string): void {
    // The index is part of the name: a link of a device that is gone must not be taken for the new one's.
    const path = join(this.#directory, `link_${device.name}_${device.ifindex}`)
    const pinned = this.#doors.bpfGet(path)
    if (pinned !== undefined) {
      try {
        this.#doors.bpfLinkUpdate(pinned, program)
        return
      } catch {
        // The device went and its index came back: the link hangs on nothing.
        unlinkSync(path)
      } finally {
        this.#doors.bpfClose(pinned)
      }
    }
    const attachment = attachIngress(device.ifindex, program, name, this.#doors)
    if (attachment.kind === 'tcx') this.#keep(attachment.link, path)
  }

  /** Takes a device's program off. */
  detach(device: { readonly name: string; readonly ifindex: number }): void {
    if (!unlinkIfThere(join(this.#directory, `link_${device.name}_${device.ifindex}`)))
      this.#doors.bpfDetachClsact(device.ifindex)
  }

  /** Removes what an earlier daemon pinned for devices that are not among these. */
  retain(devices: readonly { readonly name: string; readonly ifindex: number }[]): void {
    const wanted = new Set(devices.map(({ name, ifindex }) => `link_${name}_${ifindex}`))
    for (const pin of entries(this.#directory)) {
      if (pin.startsWith('link_') && !wanted.has(pin)) unlinkIfThere(join(this.#directory, pin))
    }
  }

  /** The pin alone holds the link from now on: it ends with its name. */
  #keep(link: number, path: string): void {
    this.#doors.bpfPin(link, path)
    this.#doors.bpfClose(link)
  }

  /** Removes all pins of ours, of every layout: with them go the maps and the attached programs. */
  static removeAll(doors: BpfDoors = bpfDoors()): void {
    for (const root of [SYSTEM_BPF_FS, OWN_BPF_FS]) {
      const top = join(root, 'weave')
      for (const layout of entries(top)) {
        for (const pin of entries(join(top, layout))) unlinkIfThere(join(top, layout, pin))
        rmdirSync(join(top, layout))
      }
      if (exists(top)) rmdirSync(top)
    }
    if (isMounted(OWN_BPF_FS)) doors.bpfUnmountFs(OWN_BPF_FS)
    if (exists(OWN_BPF_FS)) rmdirSync(OWN_BPF_FS)
  }
}

const isMounted = (path: string): boolean =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .some((line) => line.split(' ')[1] === path && line.split(' ')[2] === 'bpf')

const exists = (path: string): boolean => {
  try {
    readdirSync(path)
    return true
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw thrown
  }
}

const entries = (directory: string): string[] => (exists(directory) ? readdirSync(directory) : [])

/** Whether it was there. */
function unlinkIfThere(path: string): boolean {
  try {
    unlinkSync(path)
    return true
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown
    return false
  }
}
