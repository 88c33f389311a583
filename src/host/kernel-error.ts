import { constants } from 'node:os'
import { WeaveError } from '../lib/errors.ts'

const NAMES = new Map<number, string>()
for (const [name, number] of Object.entries(constants.errno)) if (!NAMES.has(number)) NAMES.set(number, name)

/** `EEXIST` for 17. */
export const errnoName = (errno: number): string => NAMES.get(errno) ?? `E${errno}`

const WORDS: Readonly<Record<string, string>> = {
  EPERM: 'not permitted; weave needs to run as root (CAP_NET_ADMIN and CAP_SYS_ADMIN)',
  EACCES: 'permission denied; weave needs to run as root (CAP_NET_ADMIN and CAP_SYS_ADMIN)',
  EEXIST: 'it exists already',
  ENODEV: 'no such device',
  ENOENT: 'no such thing',
  EBUSY: 'it is in use',
  EOPNOTSUPP: 'not supported by this kernel (is a module missing?)',
  EPROTONOSUPPORT: 'not supported by this kernel (is a module missing?)',
  ETIMEDOUT: 'the kernel did not answer in time',
}

/** The kernel refused something. `errno` is the name, e.g. `EEXIST`; the message says what was being done. */
export class KernelError extends WeaveError<'kernel'> {
  readonly errno: string

  constructor(what: string, errno: string, reason?: string) {
    super('kernel', `${what}: ${reason ?? WORDS[errno] ?? errno}`, { meta: { errno } })
    this.name = 'KernelError'
    this.errno = errno
  }
}

/** The errno name of anything thrown by the kernel, by the addon or by Node.js. */
export function errnoOf(thrown: unknown): string | undefined {
  if (thrown instanceof KernelError) return thrown.errno
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
  return typeof code === 'string' && code in constants.errno ? code : undefined
}

/** Says what was being done when a system call of the addon failed. */
export function asKernelError(what: string, thrown: unknown): unknown {
  const errno = errnoOf(thrown)
  return errno === undefined || thrown instanceof KernelError ? thrown : new KernelError(what, errno)
}
