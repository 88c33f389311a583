import { existsSync, lstatSync, readFileSync, readlinkSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type LoadedConfig, passOn } from '../../config/load.ts'
import type { Config } from '../../config/options.ts'
import { KEEPER_VARIABLE, LAUNCH_ID_VARIABLE } from '../../config/places.ts'
import { DAEMON_FLAGS } from '../daemon-flags.ts'
import { parseDockerArgs } from './docker-args.ts'

/** Where the host's files are seen in the container, for its name (/etc/machine-id) and its name servers. */
const HOST_ROOT = '/host'

/** What the daemon does needs these; everything else is dropped. Numbers are the kernel's. */
const CAPABILITIES: Readonly<Record<string, number>> = {
  DAC_OVERRIDE: 1, // sockets and state of the host, whoever owns them
  NET_BIND_SERVICE: 10, // DNS on port 53
  NET_ADMIN: 12, // bridge, veths, routes, firewall, VXLAN
  NET_RAW: 13, // gratuitous ARP into containers
  SYS_PTRACE: 19, // finding the containers' network namespaces below /proc
  SYS_ADMIN: 21, // entering those namespaces, eBPF
  SYS_RESOURCE: 24, // memory for eBPF maps on kernels before 5.11
}

/** A daemon in a container as Docker is asked to make it. The host's network and processes are its own business. */
export function containerRequest(
  { config, peers }: LoadedConfig,
  launch: {
    readonly id: string
    readonly image: string
    readonly dockerSocket: string
    /** `WEAVE_DOCKER_ARGS`. */
    readonly dockerArgs?: string | undefined
  },
): Readonly<Record<string, unknown>> {
  const resolvConf = config.resolvConf === '' ? '' : onHost(config.resolvConf)
  const inside: Config = {
    ...config,
    hostRoot: HOST_ROOT,
    resolvConf: resolvConf === '' ? '' : seenAt(resolvConf),
  }
  const { argv, environment } = passOn(inside, peers)
  const extra = parseDockerArgs(launch.dockerArgs)
  return {
    Image: launch.image,
    Entrypoint: ['/usr/bin/node', ...DAEMON_FLAGS, '/opt/weave/dist/daemon.cjs'],
    Cmd: argv,
    Env: Object.entries({
      ...environment,
      [LAUNCH_ID_VARIABLE]: launch.id,
      [KEEPER_VARIABLE]: 'docker',
    })
      .map(([name, value]) => `${name}=${value}`)
      .concat(extra.environment),
    Labels: { ...extra.labels, 'works.weave.role': 'system' },
    StopTimeout: 15,
    HostConfig: {
      NetworkMode: 'host',
      PidMode: 'host',
      RestartPolicy: { Name: config.noRestart ? 'no' : 'always' },
      CapDrop: ['ALL'],
      CapAdd: capabilities(),
      // Sysctls of the bridge and of containers are written below /proc/sys.
      MaskedPaths: [],
      ReadonlyPaths: [],
      SecurityOpt: ['apparmor=unconfined', 'no-new-privileges'],
      Devices: tunDevice(),
      Binds: [...binds(config, resolvConf, launch.dockerSocket), ...extra.volumes],
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '4' } },
    },
  }
}

/** A host that is a container itself may lack some; Docker starts nothing that asks for those. */
function capabilities(): readonly string[] {
  const [, bounding = '0'] = /^CapBnd:\s*(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  const had = BigInt(`0x${bounding}`)
  return Object.keys(CAPABILITIES).filter((name) => ((had >> BigInt(CAPABILITIES[name] ?? 0)) & 1n) === 1n)
}

/** A command that was sent by another machine runs in a container itself and sees the host's files below this. */
const hostRoot = (): string => process.env['HOST_ROOT'] ?? ''

/** Where a file of the host really is. */
function onHost(path: string): string {
  const root = hostRoot()
  const seen = lstatSync(`${root}${path}`, { throwIfNoEntry: false })
  return seen?.isSymbolicLink() === true ? resolve(dirname(path), readlinkSync(`${root}${path}`)) : path
}

const seenAt = (path: string): string => (path.startsWith('/run/') ? path : `${HOST_ROOT}${path}`)

/** Without it there is no sleeve, as on the host itself. */
function tunDevice(): readonly object[] {
  const path = '/dev/net/tun'
  return existsSync(`${hostRoot()}${path}`)
    ? [{ PathOnHost: path, PathInContainer: path, CgroupPermissions: 'rwm' }]
    : []
}

/**
 * Directories, not files: a socket or a resolv.conf that is replaced must be seen. /run has Docker's socket, the plugin's
 * sockets and ours.
 */
function binds(config: Config, resolvConf: string, dockerSocket: string): readonly string[] {
  const same = [
    config.stateDir,
    dirname(dockerSocket),
    ...[config.controlSocket, config.pluginSocket, config.pluginMeshSocket]
      .filter((path) => path !== '')
      .map((path) => dirname(path)),
  ].map((path) => path.replace(/^\/var\/run(?=\/|$)/, '/run'))
  const places = [...new Set(same)].filter((path) => path !== '/run' && !path.startsWith('/run/'))
  const etc = resolvConf === '' || resolvConf.startsWith('/run/') ? [] : [dirname(resolvConf)]
  return [
    '/run:/run',
    ...places.map((path) => `${path}:${path}`),
    ...[...new Set(['/etc', ...etc])].map((path) => `${path}:${HOST_ROOT}${path}:ro`),
    ...(isBpfMounted() ? [`${BPF_FS}:${BPF_FS}`] : []),
  ]
}

const BPF_FS = '/sys/fs/bpf'

/** Elsewhere the daemon's own lies below /run. */
const isBpfMounted = (): boolean => readFileSync('/proc/self/mounts', 'utf8').includes(` ${BPF_FS} bpf `)
