import { projectFile } from '../../test/support/project.ts'
import type { Datapath } from './paths.ts'
import { CONTAINER_ADDRESS, HOSTS } from './topology.ts'

export interface WeaveVariant {
  readonly overlay: 'fastdp' | 'sleeve'
  readonly password?: true
  /** Every frame passes the bridge. */
  readonly bridge?: true
  /** NaCl secretbox, as towards old peers, instead of what our own peers agree on. */
  readonly secretbox?: true
  /** The containers' MTU follows the paths, instead of being what the topology says. */
  readonly followMtu?: true
}

const PEER_NAME = { A: '02:00:00:00:00:01', B: '02:00:00:00:00:02' } as const

/** Hosts of other runs on this machine have the same places for what they pin: this daemon sees only its own. */
const OWN_RUN = 'mkdir -p /run/weave; mount -t tmpfs run /run/weave; exec "$@"'

/** Our own daemons, launched and connected; the containers' veths are ports of their bridges. */
export function weave(variant: WeaveVariant): Datapath {
  return async (topology) => {
    const { directory } = topology
    for (const host of [...HOSTS].reverse()) {
      const flags = [
        ...[
          '--state-dir',
          `${directory}/${host}`,
          '--control-socket',
          `${directory}/${host}.sock`,
          '--docker-api',
          '',
        ],
        ...['--docker-bridge', '', '--plugin=false', '--no-dns', '--ipalloc-range', '', '--status-addr', ''],
        ...['--name', PEER_NAME[host], '--nickname', host, '--log-level', 'warning'],
        ...(variant.overlay === 'sleeve' ? ['--no-fastdp'] : []),
        ...(variant.bridge ? ['--no-direct'] : []),
        ...(variant.followMtu ? [] : ['--mtu', `${topology.options.mtu}`]),
        ...(variant.secretbox ? ['--sleeve-ciphers', 'none'] : []),
        ...(host === 'A' ? ['--', topology.underlayAddress('B')] : []),
      ]
      topology.daemon(
        host,
        `weave${host}`,
        ['sh', '-ec', OWN_RUN, 'sh', process.execPath, projectFile('dist/daemon.cjs'), ...flags],
        variant.password ? { WEAVE_PASSWORD: 'a password of the benchmark, long enough' } : {},
      )
      await topology.waitFor(
        'the bridge',
        () => topology.run(host, 'cat /sys/class/net/weave/operstate') !== '',
      )
    }
    topology.addContainers({ addresses: true })
    for (const host of HOSTS) topology.run(host, 'ip link set vc master weave')
    const connections = `curl -sf --unix-socket ${directory}/A.sock http://weave/status/connections`
    await topology.waitFor(
      `an established ${variant.overlay} connection`,
      () => new RegExp(`established.*${variant.overlay}`).test(topology.run('A', connections)),
      30_000,
    )
    topology.run('A', `ping -c1 -W1 ${CONTAINER_ADDRESS.B} >/dev/null || true`)
  }
}
