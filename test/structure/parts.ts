/**
 * Which parts a part may import, besides itself. The order is the architecture's (docs/architecture.md):
 * an edge that is not here is a wrong dependency, not a missing line.
 */
export const PARTS: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  boot: [],
  native: ['lib'],
  state: ['lib'],
  config: ['lib'],
  gob: ['lib'],
  mesh: ['lib', 'gob'],
  ipam: ['lib', 'gob', 'state'],
  dns: ['lib', 'gob', 'native'],
  overlay: ['lib', 'mesh', 'native'],
  host: ['lib', 'native'],
  docker: ['lib', 'host', 'ipam', 'dns'],
  api: ['lib', 'gob', 'mesh', 'ipam', 'dns', 'overlay', 'host', 'docker'],
  daemon: [
    'lib',
    'gob',
    'mesh',
    'ipam',
    'dns',
    'overlay',
    'host',
    'docker',
    'api',
    'native',
    'state',
    'config',
  ],
  // The daemon's and the host's parts for what the commands do without a daemon (reset, ps, doctor): loaded only then.
  cli: ['lib', 'api', 'config', 'daemon', 'host'],
}

/** What a sans-IO core must not touch: time, chance, sockets, files. */
export const IMPURE_MODULES = [
  'node:net',
  'node:dgram',
  'node:fs',
  'node:fs/promises',
  'node:timers',
  'node:timers/promises',
  'node:child_process',
  'node:http',
  'node:dns',
  'node:dns/promises',
]
export const IMPURE_CALLS =
  /\b(?:Date\.now|Math\.random|performance\.now|setTimeout|setInterval|setImmediate|randomBytes)\b/

/**
 * The shells inside the parts that otherwise are cores: files (or folders) that own sockets, timers or files.
 * Everything else in these parts must be pure.
 */
export const SHELLS: Readonly<Record<string, readonly string[]>> = {
  gob: [],
  mesh: [
    'acceptor.ts',
    'dial.ts',
    'peer-name-source.ts',
    'resolve.ts',
    'router.ts',
    'tcp-connection.ts',
    'wake-timer.ts',
  ],
  ipam: ['shell.ts', 'testing/'],
  dns: [
    'forwarder.ts',
    'names.ts',
    'resolv-watch.ts',
    'responder.ts',
    'tcp-server.ts',
    'udp-server.ts',
    'upstream-socket.ts',
  ],
  overlay: ['deadlines.ts', 'forwarding-tables.ts', 'sleeve-overlay.ts', 'fastdp/fastdp.ts'],
}

/** Functions of impure modules that are pure. */
export const PURE_IMPORTS = /import \{ (?:(?:isIP|isIPv4|isIPv6|BlockList)(?:, )?)+ \} from 'node:net'/g
