import type { DaemonHost, DaemonSpec } from '../../support/daemon-hosts.ts'
import { eventually } from '../../support/eventually.ts'
import { SilentSocket } from '../../support/silent-socket.ts'

/** How the hosts of a recording were set up. The recorded one is the first host unless said. */
export interface Scene {
  /** Docker's socket is there, but nobody answers. */
  readonly silentDocker?: boolean
  readonly hosts: readonly DaemonSpec[]
  readonly recorded?: number
  readonly listener?: 'control' | 'status' | 'metrics'
  /** Brings the hosts to the state that the recording begins in. */
  readonly before?: (host: (index: number) => DaemonHost) => Promise<void>
  /** In place of an exchange that cannot be had here: leaves the same state behind. */
  readonly instead?: Readonly<Record<string, (host: DaemonHost) => Promise<unknown>>>
  /** Just before the exchange of that name, calls that block are given up. */
  readonly hangUpBefore?: string
  /** Exchanges that cannot be had here, with the reason. */
  readonly notRun?: Readonly<Record<string, string>>
}

const DNS = ['--dns-listen-address', '172.17.0.1:53']
const four = (...args: readonly string[]): DaemonSpec => ({
  address: '192.168.48.14/24',
  args: ['--name', '::4', '--nickname', 'four', ...DNS, ...args],
})
const five = (...args: readonly string[]): DaemonSpec => ({
  address: '192.168.48.15/24',
  args: ['--name', '::5', '--nickname', 'five', ...DNS, ...args],
})
const host4 = (): DaemonSpec => ({
  address: '192.168.48.14/24',
  args: ['--name', '8a:3e:3e:3e:3e:04', '--nickname', 'host4', ...DNS],
})

const NO_DOCKER = 'needs Docker: the original asks it whether the container runs'
const PROXY = 'there is no Docker API proxy in this release'
const PPROF = 'profiles of the Go runtime are not served (http §7)'

const established = (host: DaemonHost): Promise<unknown> =>
  eventually('the connection is established', async () => {
    const { body: own } = await host.send({ method: 'GET', path: '/status/connections' })
    // Both ends have told everybody.
    const { body: all } = await host.send({ method: 'GET', path: '/status/peers' })
    return /established.* mtu=1[34]\d\d/.test(own) && all.split('established').length === 3
  })

const waiting = (host: DaemonHost): Promise<unknown> =>
  eventually('the other target has failed', async () => {
    const { body } = await host.send({ method: 'GET', path: '/status/connections' })
    return body.includes('failed')
  })

const seeded = ['--ipalloc-range', '10.9.0.0/28', '--ipalloc-init', 'seed=::4,::5']
const container = '444bf730a4acf560d510d0e9f0c215ac5f05ed93f6398fc0898b9cb8d04ed581'
const name = (fqdn: string): URLSearchParams => new URLSearchParams({ fqdn })

/** Routes and trees of both peers are known: they follow a change of the topology a moment later. */
const routed = (host: DaemonHost): Promise<unknown> =>
  eventually('the routes are known', async () => {
    const format = '{{len .Router.UnicastRoutes}} {{len .Router.BroadcastRoutes}}'
    const form = new URLSearchParams({ format })
    return (await host.send({ method: 'GET', path: '/report', form })).body === '2 2'
  })

/** Two peers that share sixteen addresses; the second is gone in the later recording. */
const twoPeers = async (host: (index: number) => DaemonHost): Promise<void> => {
  await established(host(0))
  await host(1).send({ method: 'PUT', path: '/name/weave:extern/192.0.2.50', form: name('svc.weave.local') })
  await eventually('the name is known', async () =>
    (await host(0).send({ method: 'GET', path: '/status/dns' })).body.includes('svc'),
  )
  await routed(host(0))
}

export const scenes: Readonly<Record<string, Scene>> = {
  'http/01-idle-single-peer.json': {
    hosts: [host4()],
    notRun: {
      proxyaddrs: PROXY,
      'pprof index': PPROF,
      'report json': 'has been given 10.32.0.0/12 twice by its script',
    },
  },
  'http/02-ipam-dns-connect-expose.json': {
    hosts: [host4()],
    before: async (host) => {
      await host(0).send({ method: 'POST', path: `/ip/${container}` })
      await host(0).send({
        method: 'PUT',
        path: `/name/${container}/10.32.0.1`,
        form: name('c1.weave.local'),
      })
    },
    instead: {
      'name put check-alive missing': async (host) => {
        const path = '/name/nosuch/10.32.0.81'
        await host.send({ method: 'PUT', path, form: name('gone.weave.local') })
        await host.send({ method: 'DELETE', path })
      },
    },
    notRun: {
      'allocate with check-alive for missing container': NO_DOCKER,
      'allocate check-alive in form body': NO_DOCKER,
      'claim check-alive missing container': NO_DOCKER,
      'name put check-alive missing': NO_DOCKER,
    },
  },
  'http/03-awaiting-consensus.json': {
    hosts: [{ ...four('--ipalloc-init', 'consensus=3'), password: 'a long enough secret' }],
  },
  'http/04-observer-priming-encrypted.json': {
    hosts: [
      { ...four('--ipalloc-init', 'observer'), password: 'wfvAH7wzw2dLkF' },
      {
        ...five('--ipalloc-init', 'observer', '--trusted-subnets', '10.0.0.0/8,192.168.99.0/24'),
        password: 'wfvAH7wzw2dLkF',
      },
    ],
    recorded: 1,
    before: async (host) => {
      const form = new URLSearchParams([
        ['peer', '192.168.48.14'],
        ['peer', '192.0.2.77'],
      ])
      await host(1).send({ method: 'POST', path: '/connect', form })
      await established(host(1))
      await waiting(host(1))
      await routed(host(1))
    },
  },
  'http/05-two-peers-encrypted-listener.json': {
    hosts: [
      { ...four('--ipalloc-init', 'consensus=3'), password: 'wfvAH7wzw2dLkF' },
      { ...five('--ipalloc-init', 'observer', '--', '192.168.48.14'), password: 'wfvAH7wzw2dLkF' },
    ],
    before: async (host) => {
      await established(host(0))
    },
    notRun: { report: 'begins in the middle of an earlier recording: its pending requests are not known' },
  },
  'http/06-no-ipam-no-dns.json': {
    hosts: [
      {
        address: '192.168.48.14/24',
        args: ['--name', '::4', '--nickname', 'four', '--ipalloc-range=', '--no-dns'],
      },
    ],
  },
  'http/07-unix-socket-not-ready.json': {
    silentDocker: true,
    hosts: [
      {
        ...four(
          ...['--trusted-subnets', '10.0.0.0/8', '--dns-domain', 'foo.bar'],
          ...['--ipalloc-range', '10.2.0.0/16', '--ipalloc-default-subnet', '10.2.3.0/24'],
          ...['--docker-api', `unix://${SilentSocket.path}`],
        ),
        neverReady: true,
      },
    ],
  },
  'http/08-metrics-addr.json': { hosts: [four()], listener: 'metrics' },
  'http/09-status-addr.json': {
    hosts: [
      four(
        ...['--trusted-subnets', '10.0.0.0/8', '--dns-domain', 'foo.bar'],
        ...['--ipalloc-range', '10.2.0.0/16', '--ipalloc-default-subnet', '10.2.3.0/24'],
      ),
    ],
    listener: 'status',
    before: async (host) => {
      await host(0).send({ method: 'POST', path: '/ip/a' })
    },
    notRun: { 'status addr status': 'the plugin is on its way up there, which needs Docker' },
  },
  'http/10-two-peers-plain.json': {
    hosts: [
      four(...seeded, '--dns-listen-address', '127.0.0.1:5355'),
      five(...seeded, '--', '192.168.48.14'),
    ],
    before: twoPeers,
  },
  'http/11-peer-gone-rmpeer-reset.json': {
    hangUpBefore: 'rmpeer by nickname',
    hosts: [four(...seeded), five(...seeded, '--', '192.168.48.14')],
    before: async (host) => {
      await twoPeers(host)
      await host(0).send({ method: 'POST', path: '/ip/a1' })
      await host(1).stop()
      await eventually(
        'the peer is forgotten',
        async () =>
          (await host(0).send({ method: 'GET', path: '/status/ipam' })).body.includes('unreachable'),
        // Neighbours keep the routes of a peer that may be restarting.
        40_000,
      )
    },
  },
}
