import { closeSync, fstatSync, openSync, statSync } from 'node:fs'
import { WeaveError } from '../lib/errors.ts'
import { netnsAddon } from '../native/netns.ts'
import { asKernelError, errnoOf } from './kernel-error.ts'

/** A network namespace held open: it cannot vanish or be mistaken for another while we work in it. */
export class Netns {
  readonly path: string
  readonly fd: number

  private constructor(path: string, fd: number) {
    this.path = path
    this.fd = fd
  }

  /** The host's own; nothing to close. */
  static readonly host = new Netns('/proc/self/ns/net', -1)

  /** Throws `no-namespace` when there is none at the path, e.g. because the container died. */
  static open(path: string): Netns {
    try {
      return new Netns(path, openSync(path, 'r'))
    } catch (error) {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ESRCH') {
        throw new WeaveError('no-namespace', `no network namespace at ${path}: has the container stopped?`, {
          cause: error,
        })
      }
      throw asKernelError(`cannot open the network namespace ${path}`, error)
    }
  }

  /** True for the namespace that this process lives in. */
  isHost(): boolean {
    if (this.fd < 0) return true
    const here = statSync(Netns.host.path, { bigint: true })
    const there = fstatSync(this.fd, { bigint: true })
    return here.ino === there.ino && here.dev === there.dev
  }

  /** Undefined where the kernel has no such setting. */
  readSysctl(name: string): string | undefined {
    try {
      return netnsAddon().netnsRead(this.fd, `/proc/sys/net/${name}`).trim()
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw asKernelError(`cannot read the setting net/${name} of ${this.path}`, error)
    }
  }

  /** Sets what exists; answers the names that could not be set and why, settings that the kernel lacks left out. */
  writeSysctls(values: Readonly<Record<string, string | number>>): { name: string; errno: number }[] {
    const names = Object.keys(values)
    const pairs = names.flatMap((name) => [`/proc/sys/net/${name}`, String(values[name])])
    const results = netnsAddon().netnsWrite(this.fd, pairs)
    const ENOENT = 2
    return names.flatMap((name, i) => {
      const errno = results[i] ?? 0
      return errno === 0 || errno === ENOENT ? [] : [{ name, errno }]
    })
  }

  close(): void {
    if (this.fd >= 0) closeSync(this.fd)
  }
}

/** Runs `act` with the namespace at `path` held open. */
export async function inNetns<T>(path: string, act: (ns: Netns) => Promise<T>): Promise<T> {
  const ns = Netns.open(path)
  try {
    return await act(ns)
  } finally {
    ns.close()
  }
}
