import type { Control } from '../api/control.ts'
import { hostRoutes, meshRoutes } from '../api/control-routes.ts'
import { goJson } from '../api/go-json.ts'
import { noVersionCheck, type Report } from '../api/report.ts'
import type { AdoptionReport, RingsReport } from '../api/ring-routes.ts'
import { failure, json, noContent, type Route, text } from '../api/route.ts'
import { statusRoutes } from '../api/status-routes.ts'
import { lonelyRouter } from '../api/testing.ts'
import { WeaveError } from '../lib/errors.ts'
import { VERSION } from '../lib/version.ts'

const FIVE = '00:00:00:00:00:05'
const SIX = '00:00:00:00:00:06'
const WEB = '5f6b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b'

/** A peer with a neighbour, a target that does not answer, and a dead peer that owns addresses. */
const report: Report = {
  Ready: true,
  Version: VERSION,
  VersionCheck: noVersionCheck,
  Router: {
    ...lonelyRouter,
    ProtocolMinVersion: 2,
    Encryption: true,
    Peers: [
      {
        Name: lonelyRouter.Name,
        NickName: lonelyRouter.NickName,
        UID: 18446744073709551615n,
        ShortID: 4,
        Version: 12n,
        Connections: [
          { Name: FIVE, NickName: 'five', Address: '10.99.0.5:6783', Outbound: true, Established: true },
        ],
      },
      {
        Name: FIVE,
        NickName: 'five',
        UID: 5n,
        ShortID: 5,
        Version: 7n,
        Connections: [
          {
            Name: lonelyRouter.Name,
            NickName: lonelyRouter.NickName,
            Address: '10.99.0.4:41211',
            Outbound: false,
            Established: true,
          },
        ],
      },
    ],
    Connections: [
      {
        Address: '10.99.0.5:6783',
        Outbound: true,
        State: 'established',
        Info: `encrypted   fastdp ${FIVE}(five)`,
        Attrs: new Map<string, string | number | boolean>([
          ['name', 'fastdp'],
          ['mtu', 1410],
          ['encrypted', true],
        ]),
      },
      {
        Address: '10.99.0.77:6783',
        Outbound: true,
        State: 'failed',
        Info: 'dial tcp :0->10.99.0.77:6783: connect: no route to host, retry: 2026-11-21 10:00:00 +0000 UTC',
        Attrs: null,
      },
    ],
    Targets: ['10.99.0.77', 'host5'],
    TrustedSubnets: ['10.98.0.0/16'],
  },
  IPAM: {
    Paxos: null,
    Range: '10.32.0.0/12',
    RangeNumIPs: 1 << 20,
    ActiveIPs: 3,
    DefaultSubnet: '10.32.0.0/12',
    Entries: [lonelyRouter.Name, FIVE, SIX].map((Peer, at) => ({
      Token: ['10.32.0.0', '10.36.0.0', '10.40.0.0'][at] ?? '',
      Size: [1 << 18, 1 << 18, 1 << 19][at] ?? 0,
      Peer,
      Nickname: ['four', 'five', 'six'][at] ?? '',
      IsKnownPeer: Peer !== SIX,
      Version: 1,
    })),
    PendingClaims: null,
    PendingAllocates: null,
  },
  DNS: {
    Domain: 'weave.local.',
    Upstream: ['192.0.2.53'],
    Address: '172.17.0.1:53',
    TTL: 1,
    Entries: [
      {
        Hostname: 'web.weave.local.',
        Origin: lonelyRouter.Name,
        ContainerID: WEB,
        Address: '10.32.0.1',
        Version: 0,
        Tombstone: 0,
      },
    ],
  },
  Proxy: undefined,
  Plugin: {
    Config: {
      Socket: '/run/docker/plugins/weave.sock',
      MeshSocket: '/run/docker/plugins/weavemesh.sock',
      Enable: true,
      EnableV2: false,
      EnableV2Multicast: false,
      DNS: true,
      DefaultSubnet: '10.32.0.0/12',
      ProcPath: '/proc',
    },
    DriverName: 'weave',
    MeshDriverName: 'weavemesh',
  },
  Problems: ['Docker does not answer (subscribe to the events): connect ENOENT; is dockerd running?'],
}

const four = { Name: lonelyRouter.Name, NickName: lonelyRouter.NickName }
const seven = { Name: '00:00:00:00:00:07', NickName: 'seven' }

const rings: RingsReport = {
  Rings: [
    {
      Ours: true,
      Range: '10.32.0.0/12',
      Seeds: [four],
      Peers: [
        { ...four, IPs: 1 << 19, Free: (1 << 19) - 3, Reachable: true },
        { Name: SIX, NickName: 'six', IPs: 1 << 19, Free: 12, Reachable: false },
      ],
    },
    {
      Ours: false,
      Range: '10.32.0.0/12',
      Seeds: [seven],
      Peers: [{ ...seven, IPs: 1 << 20, Free: (1 << 20) - 7, Reachable: true }],
    },
  ],
}

const adoption = (isDry: boolean): AdoptionReport => ({
  DryRun: isDry,
  Seeds: [seven],
  Addresses: [
    { Ident: WEB, CIDR: '10.32.0.1/12', Owner: seven, Outcome: isDry ? 'unknown' : 'taken' },
    { Ident: 'weave:expose', CIDR: '10.32.0.2/12', Owner: seven, Outcome: isDry ? 'free' : 'kept' },
    { Ident: 'ignored', CIDR: '192.0.2.9/24', Owner: null, Outcome: isDry ? 'free' : 'kept' },
  ],
  Behind: [{ Name: FIVE, NickName: 'five' }],
})

const known = (container: string): void => {
  if (container === 'web') return
  const problem = `unable to inspect container ${container}: No such container: ${container}`
  throw new WeaveError('docker', problem)
}

const control: Control = {
  report: () => report,
  whenReady: async () => undefined,
  connect: async (peers) =>
    peers.filter((peer) => peer.startsWith('no.')).map((peer) => `lookup ${peer}: no such host`),
  forget: () => undefined,
  handOver: async () => undefined,
  removePeer: async (peer) => {
    if (peer === 'host3') return 524288
    throw new WeaveError('peer-reachable', `${peer} is reachable: stop it first, or use --force`)
  },
  expose: async () => undefined,
  hide: async () => undefined,
  attach: async ({ container, addresses }) => {
    known(container)
    return addresses.length === 0 ? ['10.32.0.1/12'] : ['10.40.0.1/24', '10.32.9.9/12']
  },
  detach: async ({ container }) => {
    known(container)
    return ['10.32.0.1/12']
  },
  removeDockerNetwork: async () => undefined,
  attached: async (containers) => [
    ...(containers === undefined ? [{ id: 'weave:expose', mac: '9a:d4:a1:b2:b5:db', cidrs: [] }] : []),
    { id: containers === undefined ? WEB : 'web', mac: '82:27:00:00:00:01', cidrs: ['10.32.0.1/12'] },
  ],
}

const route = (method: Route['method'], path: string, handle: Route['handle']): Route => ({
  method,
  path,
  handle,
})

/** For tests of the commands: a daemon of one moment. Its status pages and answers are those of the real API. */
export const cannedRoutes = (): Route[] => [
  ...statusRoutes(control),
  ...meshRoutes(control),
  ...hostRoutes(control),
  route('GET', '/ring', () => text('')),
  route('GET', '/ipam/rings', () => json(`${goJson(rings)}\n`)),
  route('POST', '/ipam/adopt', ({ form }) =>
    form.get('peer') === 'seven'
      ? json(`${goJson(adoption(form.get('dry-run') === 'true'))}\n`)
      : failure(409, 'not adopted: that peer has the same ring as this host, or none that is known here'),
  ),
  route('GET', '/domain', () => text('weave.local.')),
  route('GET', '/dns-address', () => text('172.17.0.1')),
  route('POST', '/ip/:id', () => text('10.32.0.9/12')),
  route('POST', '/ip/:id/:ip/:len', ({ params }) =>
    failure(400, `range ${params['ip']}/${params['len']} out of bounds: 10.32.0.0/12`),
  ),
  route('GET', '/ip/:id', () => text('10.32.0.9/12')),
  route('DELETE', '/ip/:id/:ip', () => noContent),
  ...['/names', '/names/remove'].map((path) =>
    route('POST', path, ({ json }) => {
      const { container } = json as { readonly container?: string }
      if (container === undefined || container === 'web') return noContent
      return failure(400, `${container} container is not present. Have you launched it?`)
    }),
  ),
]
