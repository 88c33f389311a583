import { mkdirSync, readdirSync, readFileSync, rmdirSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { type Attachment, attachBeside, attachIngress } from './attach.ts'
import { type BpfDoors, bpfDoors } from './doors.ts'

/** Changes whenever the layout of a map does: a new build never reads old bytes in a new way. */
const LAYOUT = 'v1'
/** Where systemd mounts it. Elsewhere we mount one of our own, which `weave reset` can take away whole. */
const SYSTEM_BPF_FS = '/sys/fs/bpf'
const OWN_BPF_FS = '/run/weave/bpf'

interface PinnedDevice {
  readonly name: string
  readonly ifindex: number
}

/**
 * The names in the BPF file system under which maps and links outlive the daemon, so that frames go on flowing
 * while it restarts and its successor takes over what is there:
 * `/sys/fs/bpf/weave/v1/map_NAME`, `…/link_DEVICE_INDEX`.
 */
export class Pins {
  readonly #doors: BpfDoors
  readonly #directory: string
  /** Held besides the pins: somebody may unmount the BPF file system, and frames must go on flowing. */
  readonly #links = new Map<string, number>()

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

  /** In the place of an earlier one of that name, if there is one: a new build may have maps of another shape. */
  keepMap(name: string, descriptor: number): void {
    const path = join(this.#directory, `map_${name}`)
    unlinkIfThere(path)
    this.#doors.bpfPin(descriptor, path)
  }

  /**
   * Attaches a program at the ingress of a device: by swapping the program of the pinned link, under traffic,
   * where there is one for this very device, else anew. False when it could not be pinned: it then hangs there as long
   * as this process lives.
   */
  attach(device: PinnedDevice, program: number, name: string): boolean {
    return this.#attach(device, program, () => attachIngress(device.ifindex, program, name, this.#doors))
  }

  /** The same on a device that is not ours: beside the programs of others. */
  attachBeside(device: PinnedDevice, program: number): boolean {
    return this.#attach(device, program, () => ({
      kind: 'tcx',
      link: attachBeside(device.ifindex, program, this.#doors),
    }))
  }

  #attach(device: PinnedDevice, program: number, attachAnew: () => Attachment): boolean {
    const path = this.#pathOf(device)
    const pinned = this.#doors.bpfGet(path)
    if (pinned !== undefined) {
      try {
        this.#doors.bpfLinkUpdate(pinned, program)
        this.#hold(path, pinned)
        return true
      } catch {
        // The device went and its index came back: the link hangs on nothing.
        this.#doors.bpfClose(pinned)
        unlinkSync(path)
      }
    }
    const attachment = attachAnew()
    if (attachment.kind === 'clsact') return true
    this.#hold(path, attachment.link)
    try {
      this.#doors.bpfPin(attachment.link, path)
      return true
    } catch {
      return false
    }
  }

  /** Takes a device's program off. */
  detach(device: PinnedDevice): void {
    const path = this.#pathOf(device)
    const link = this.#links.get(path)
    this.#links.delete(path)
    unlinkIfThere(path)
    if (link === undefined) this.#doors.bpfDetachClsact(device.ifindex)
    else this.#doors.bpfClose(link)
  }

  /** The index is part of the name: a link of a device that is gone must not be taken for the new one's. */
  #pathOf(device: PinnedDevice): string {
    return join(this.#directory, `link_${device.name}_${device.ifindex}`)
  }

  #hold(path: string, link: number): void {
    const before = this.#links.get(path)
    if (before !== undefined) this.#doors.bpfClose(before)
    this.#links.set(path, link)
  }

  /** Removes what an earlier daemon pinned for devices that are not among these. */
  retain(devices: readonly PinnedDevice[]): void {
    const wanted = new Set(devices.map(({ name, ifindex }) => `link_${name}_${ifindex}`))
    for (const pin of entries(this.#directory)) {
      if (pin.startsWith('link_') && !wanted.has(pin)) unlinkIfThere(join(this.#directory, pin))
    }
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

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown
  }
}
