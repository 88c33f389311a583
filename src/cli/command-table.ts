import type { Command } from 'commander'
import type { Io } from './io.ts'

/** A command as it was typed. */
export interface Invocation {
  readonly io: Io
  /** What is neither option nor value of an option. */
  readonly words: readonly string[]
  readonly command: Command
  /** Everything after the command, for those that read their flags themselves. */
  readonly raw: readonly string[]
  /** `weave --local …`. */
  readonly local: boolean
}

/** One command: help, completion, man page and documentation come from these rows. */
export interface CommandRow {
  readonly name: string
  readonly args?: string
  readonly about: string
  readonly section: 'Network' | 'Containers' | 'Names' | 'Watching' | 'Life cycle'
  readonly options?: readonly (readonly [flags: string, about: string])[]
  /** May be given several times. */
  readonly repeated?: readonly string[]
  /** Its options are those of the configuration table. */
  readonly configured?: boolean
  readonly hidden?: boolean
  readonly run: (invocation: Invocation) => Promise<number>
}

const ADDRESSES = '[address...]'

/** All commands in the order of the help. Each loads its code when it runs. */
export const commandTable: readonly CommandRow[] = [
  {
    name: 'launch',
    args: '[options...] [peer...]',
    about: 'start Weave Net on this host and connect it to peers',
    section: 'Life cycle',
    configured: true,
    run: async ({ io, raw }) => (await import('./commands/launch.ts')).launch(io, raw),
  },
  {
    name: 'stop',
    about: 'stop Weave Net; containers keep their addresses',
    section: 'Life cycle',
    run: async ({ io }) => (await import('./commands/stop.ts')).stop(io),
  },
  {
    name: 'reset',
    about: 'stop Weave Net and remove everything of it from this host',
    section: 'Life cycle',
    options: [['--force', 'even when it is not running and cannot hand its addresses over']],
    run: async ({ io, command }) => (await import('./commands/reset.ts')).reset(io, command.opts()),
  },
  {
    name: 'install-service',
    args: '[launch options...]',
    about: 'have systemd run Weave Net, at boot before Docker; options and peers as for launch',
    section: 'Life cycle',
    configured: true,
    run: async ({ io, raw }) => (await import('./commands/service.ts')).installService(io, raw),
  },
  {
    name: 'version',
    about: 'show the versions of the command and of the daemon',
    section: 'Life cycle',
    options: [['--json', 'for programs']],
    run: async ({ io, local, command }) =>
      (await import('./commands/version.ts')).version(io, { ...command.opts(), local }),
  },
  {
    name: 'connect',
    args: '[peer...]',
    about: 'add peers to connect to',
    section: 'Network',
    options: [['--replace', 'forget all others']],
    run: async ({ io, words, command }) =>
      (await import('./commands/mesh.ts')).connect(io, words, command.opts()),
  },
  {
    name: 'forget',
    args: '<peer...>',
    about: 'no longer connect to peers',
    section: 'Network',
    run: async ({ io, words }) => (await import('./commands/mesh.ts')).forget(io, words),
  },
  {
    name: 'prime',
    about: 'wait until addresses can be given out',
    section: 'Network',
    run: async ({ io }) => (await import('./commands/mesh.ts')).prime(io),
  },
  {
    name: 'rmpeer',
    args: '<peer...>',
    about: 'take over the addresses of peers that will not come back; on one host only',
    section: 'Network',
    options: [['--force', 'even when a peer of that name is reachable']],
    run: async ({ io, words, command }) =>
      (await import('./commands/mesh.ts')).rmpeer(io, words, command.opts()),
  },
  {
    name: 'ipam',
    args: '[adopt] [peer]',
    about: 'show rings of addresses that were begun apart; adopt: take over the one that PEER has',
    section: 'Network',
    options: [
      ['--dry-run', 'show what adopt would do'],
      ['--json', 'for programs'],
    ],
    run: async ({ io, words, command }) =>
      (await import('./commands/ipam.ts')).ipam(io, words, command.opts()),
  },
  {
    name: 'attach',
    args: `${ADDRESSES} <container>`,
    about: 'connect a running container to the network',
    section: 'Containers',
    options: [
      ['--without-dns', 'do not register its name'],
      ['--no-multicast-route', 'do not route multicast to the network'],
      ['--rewrite-hosts', 'write its addresses to its /etc/hosts'],
      ['--add-host <name:ip>', 'add a line to the rewritten /etc/hosts'],
    ],
    repeated: ['--add-host'],
    run: async ({ io, words, command }) =>
      (await import('./commands/attach.ts')).attach(io, words, command.opts()),
  },
  {
    name: 'detach',
    args: `${ADDRESSES} <container>`,
    about: 'disconnect a container from the network',
    section: 'Containers',
    run: async ({ io, words }) => (await import('./commands/attach.ts')).detach(io, words),
  },
  {
    name: 'ps',
    args: '[container...]',
    about: 'show attached containers with their MAC and IP addresses',
    section: 'Containers',
    options: [['--json', 'for programs']],
    run: async ({ io, words, command }) => (await import('./commands/ps.ts')).ps(io, words, command.opts()),
  },
  {
    name: 'expose',
    args: ADDRESSES,
    about: 'give this host an address in the network',
    section: 'Containers',
    options: [
      ['-h <fqdn>', 'register the address under this name'],
      ['--without-masquerade', 'keep source addresses of traffic that passes this host'],
    ],
    run: async ({ io, words, command }) =>
      (await import('./commands/expose.ts')).expose(io, words, command.opts()),
  },
  {
    name: 'hide',
    args: ADDRESSES,
    about: 'take the address back',
    section: 'Containers',
    run: async ({ io, words }) => (await import('./commands/expose.ts')).hide(io, words),
  },
  {
    name: 'dns-args',
    about: 'print options that make docker run use weave DNS',
    section: 'Names',
    run: async ({ io }) => (await import('./commands/dns.ts')).dnsArgs(io),
  },
  {
    name: 'dns-add',
    args: '[ip...] [container]',
    about: 'register a name for a container or for addresses',
    section: 'Names',
    options: [
      ['-h <fqdn>', "the name; the container's own when not given"],
      ['--type <type>', 'a record of another type instead: AAAA, CNAME, SRV or TXT'],
      ['--value <text>', 'what that record says; SRV: PRIORITY WEIGHT PORT TARGET'],
    ],
    run: async ({ io, words, command }) =>
      (await import('./commands/dns.ts')).dnsAdd(io, words, command.opts()),
  },
  {
    name: 'dns-remove',
    args: '[ip...] [container]',
    about: 'remove such a name',
    section: 'Names',
    options: [
      ['-h <fqdn>', 'the name; all names of the addresses when not given'],
      ['--type <type>', 'the records of that type that were added by hand'],
      ['--value <text>', 'only the one that says this'],
    ],
    run: async ({ io, words, command }) =>
      (await import('./commands/dns.ts')).dnsRemove(io, words, command.opts()),
  },
  {
    name: 'dns-lookup',
    args: '<name>',
    about: 'ask weave DNS for a name',
    section: 'Names',
    run: async ({ io, words: [name = ''] }) => (await import('./commands/dns.ts')).dnsLookup(io, name),
  },
  {
    name: 'status',
    args: '[page...]',
    about: 'show the state, or a page of it: targets, connections, peers, dns, ipam',
    section: 'Watching',
    options: [
      ['--json', 'for programs'],
      ['--watch', 'again at each change, until interrupted; with --json the changes'],
    ],
    run: async ({ io, words, command }) =>
      (await import('./commands/status.ts')).status(io, words, command.opts()),
  },
  {
    name: 'report',
    about: 'print everything that the daemon knows as JSON',
    section: 'Watching',
    options: [
      ['-f, --format <template>', 'print what this Go template makes of it'],
      ['--bundle [file]', 'write everything for an issue to one archive, without passwords'],
    ],
    run: async ({ io, command }) => (await import('./commands/report.ts')).report(io, command.opts()),
  },
  {
    name: 'doctor',
    about: 'examine this host: what works, what is missing, what to do',
    section: 'Watching',
    options: [['--json', 'for programs']],
    run: async ({ io, command }) => (await import('./commands/doctor.ts')).doctor(io, command.opts()),
  },
  {
    name: 'logs',
    about: "show the daemon's log",
    section: 'Watching',
    options: [['-f, --follow', 'go on showing what is added']],
    run: async ({ io, command }) => (await import('./commands/logs.ts')).logs(io, command.opts()),
  },
  {
    name: 'env',
    about: 'print what makes docker use the API proxy',
    section: 'Containers',
    options: [['--restore', 'print what undoes it']],
    run: async ({ io, command }) => (await import('./commands/proxy.ts')).env(io, command.opts()),
  },
  {
    name: 'config',
    about: 'print the option that makes docker use the API proxy',
    section: 'Containers',
    run: async ({ io }) => (await import('./commands/proxy.ts')).config(io),
  },
  {
    name: 'setup',
    about: 'prepare a host for later launches; nothing needs to be done',
    section: 'Life cycle',
    hidden: true,
    run: async () => (await import('./commands/host.ts')).setup(),
  },
  {
    name: 'setup-cni',
    about: 'install the CNI plugin',
    section: 'Life cycle',
    hidden: true,
    run: async () => (await import('./commands/host.ts')).setupCni(),
  },
  {
    name: 'docker-bridge-ip',
    about: "print the address of Docker's bridge",
    section: 'Watching',
    hidden: true,
    run: async ({ io }) => (await import('./commands/host.ts')).dockerBridgeIp(io),
  },
  {
    name: 'bridge-type',
    about: 'print the type of the weave bridge',
    section: 'Watching',
    hidden: true,
    run: async ({ io }) => (await import('./commands/host.ts')).bridgeType(io),
  },
  {
    name: 'launch-router',
    args: '[options...] [peer...]',
    about: 'launch without the plugin, as Weave Net 1.x had it',
    section: 'Life cycle',
    configured: true,
    hidden: true,
    run: async ({ io, raw }) => (await import('./commands/old-launch.ts')).launchRouter(io, raw),
  },
  {
    name: 'launch-plugin',
    args: '[options...]',
    about: 'add the plugin, as Weave Net 1.x had it',
    section: 'Life cycle',
    configured: true,
    hidden: true,
    run: async ({ io, raw }) => (await import('./commands/old-launch.ts')).launchPlugin(io, raw),
  },
  {
    name: 'completion',
    args: '<shell>',
    about: 'print a completion script for bash or zsh',
    section: 'Life cycle',
    run: async ({ io, command, words }) =>
      (await import('./completion.ts')).completion(io, rootOf(command), words[0]),
  },
  {
    name: 'man',
    about: 'print the manual page',
    section: 'Life cycle',
    hidden: true,
    run: async ({ io, command }) => {
      const [{ man }, { VERSION }] = await Promise.all([import('./man.ts'), import('../lib/version.ts')])
      return man(io, rootOf(command), VERSION)
    },
  },
]

const rootOf = (command: Command): Command => command.parent ?? command
