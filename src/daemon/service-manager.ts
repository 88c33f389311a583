import { messageOf } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import { serviceAddon } from '../native/service.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** The first descriptor that a manager hands over (sd_listen_fds). */
const FIRST_DESCRIPTOR = 3
/** The event loop must turn at least twice as often as the manager wants to hear of us. */
const BEATS_PER_TIMEOUT = 2
const MICROSECONDS = 1000

/** Unix sockets that systemd listens on for us, by path; empty when there are none for this process. */
export function activatedSockets(environment: Environment): ReadonlyMap<string, number> {
  const count = Number(environment['LISTEN_FDS'] ?? 0)
  if (environment['LISTEN_PID'] !== String(process.pid) || !Number.isInteger(count)) return new Map()
  const descriptors = Array.from({ length: count }, (_, i) => FIRST_DESCRIPTOR + i)
  return new Map(
    descriptors
      .map((fd) => [serviceAddon().listeningPath(fd), fd] as const)
      .filter(([path]) => path !== '')
      .map(([path, fd]) => [withoutLink(path), fd]),
  )
}

/** `/var/run` is `/run`, whichever of the two was written. */
const withoutLink = (path: string): string => path.replace(/^\/var\/run(?=\/)/, '/run')

/** The descriptor that was handed over for a path. */
export const activated = (sockets: ReadonlyMap<string, number>, path: string): number | undefined =>
  sockets.get(withoutLink(path))

/** Tells systemd that others may start now, and goes on telling it that we live where it wants to know. */
export function notifyReady(environment: Environment, log: Log): void {
  const socket = environment['NOTIFY_SOCKET']
  if (socket === undefined || socket === '') return
  notify(socket, 'READY=1', log)
  const timeout = Number(environment['WATCHDOG_USEC'] ?? 0) / MICROSECONDS
  if (timeout > 0) setInterval(() => notify(socket, 'WATCHDOG=1', log), timeout / BEATS_PER_TIMEOUT).unref()
}

function notify(socket: string, text: string, log: Log): void {
  try {
    serviceAddon().serviceNotify(socket, text)
  } catch (thrown) {
    log.warn('cannot tell the service manager', { text, reason: messageOf(thrown) })
  }
}
