import { loadAddon } from './addon.ts'

/** What a service manager and its services say to each other. */
interface ServiceAddon {
  /** One datagram to the manager's socket; a leading `@` stands for an abstract name. Throws the errno. */
  serviceNotify(path: string, text: string): void
  /** The path of a listening Unix stream socket, which children will not inherit; `''` for any other descriptor. */
  listeningPath(fd: number): string
}

export const serviceAddon = (): ServiceAddon => loadAddon<ServiceAddon>()
