// What the firewall must do, as data (overlay §7.5). Drops and address translation work from any table, so they live
// in our own nftables table where the host has one. An accept there does not undo a DROP elsewhere: accepts go into
// the chains that Docker and the host's firewall use, by way of iptables.

import { type Cidr, formatCidr, formatIp4, networkOf } from '../../lib/ip4.ts'
import type { Exposed, FirewallSpec } from '../types.ts'

export type TableName = 'filter' | 'nat' | 'mangle'

/** Rules of one chain in the words of iptables-save, without `-A CHAIN`. */
export interface ChainRules {
  readonly table: TableName
  readonly chain: string
  /** `top`: in this order before all others; `end`: after them; `whole`: the chain is ours, it has no others of ours. */
  readonly place: 'top' | 'end' | 'whole'
  readonly rules: readonly string[]
}

/** All that iptables must have. */
export interface IptablesRules {
  /** Chains of our own, made where they are missing. */
  readonly chains: readonly (readonly [table: TableName, chain: string])[]
  readonly rules: readonly ChainRules[]
}

export interface FirewallInput extends FirewallSpec {
  readonly bridge: string
  readonly exposed: readonly Exposed[]
}

/** Names that scripts know. */
const EXPOSE_CHAIN = 'WEAVE-EXPOSE'
const NAT_CHAIN = 'WEAVE'
const CANARY_CHAIN = 'WEAVE-CANARY'

const MULTICAST = '224.0.0.0/4'
const subnet = (cidr: Cidr): string => formatCidr(networkOf(cidr))
const masqueraded = (input: FirewallInput): string[] => [
  ...new Set(input.exposed.filter(({ masquerade }) => masquerade).map(({ cidr }) => subnet(cidr))),
]

/** The accepts; with `alone`, also what else our own table would do. */
export function iptablesRules(input: FirewallInput, alone: boolean): IptablesRules {
  const { bridge, dockerBridge } = input
  const exposed = [...new Set(input.exposed.map(({ cidr }) => subnet(cidr)))]
  const dns = dockerBridge === undefined ? [] : ['udp', 'tcp']
  return {
    chains: [
      ['mangle', CANARY_CHAIN],
      ['nat', CANARY_CHAIN],
      ['nat', NAT_CHAIN],
      ['filter', CANARY_CHAIN],
      ['filter', EXPOSE_CHAIN],
    ],
    rules: [
      { table: 'nat', chain: 'POSTROUTING', place: 'end', rules: [`-j ${NAT_CHAIN}`] },
      { table: 'nat', chain: NAT_CHAIN, place: 'whole', rules: alone ? masqueradeRules(input) : [] },
      {
        table: 'filter',
        chain: 'INPUT',
        place: 'top',
        rules: [
          ...(alone ? inputDrops(input) : []),
          ...dns.map(
            (protocol) => `-i ${dockerBridge?.name} -p ${protocol} -m ${protocol} --dport 53 -j ACCEPT`,
          ),
        ],
      },
      {
        table: 'filter',
        chain: 'FORWARD',
        place: 'top',
        rules: [
          ...(alone && dockerBridge ? [`-i ${dockerBridge.name} -o ${bridge} -j DROP`] : []),
          `-i ${bridge} -o ${bridge} -j ACCEPT`,
          `-o ${bridge} -j ${EXPOSE_CHAIN}`,
          `-i ${bridge} ! -o ${bridge} -j ACCEPT`,
          `-o ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
        ],
      },
      {
        table: 'filter',
        chain: EXPOSE_CHAIN,
        place: 'whole',
        rules: exposed.map((network) => `-d ${network} -j ACCEPT`),
      },
    ],
  }
}

function inputDrops({ port, controlPort, dockerBridge }: FirewallInput): string[] {
  const from = dockerBridge && `-d ${formatIp4(dockerBridge.address)}/32 -i ${dockerBridge.name}`
  const ports = [
    ['tcp', port],
    ['udp', port],
    ['udp', port + 1],
  ] as const
  return [
    ...(from === undefined
      ? []
      : ports.map(([proto, to]) => `${from} -p ${proto} -m ${proto} --dport ${to} -j DROP`)),
    ...(controlPort === undefined
      ? []
      : [
          `-d 127.0.0.1/32 -p tcp -m tcp --dport ${controlPort} -m addrtype ! --src-type LOCAL ` +
            '-m conntrack ! --ctstate RELATED,ESTABLISHED ' +
            '-m comment --comment "Block non-local access to Weave Net control port" -j DROP',
        ]),
  ]
}

// Ports are chosen at random: many lookups from one source at once must not fight for the same one.
const masqueradeRules = (input: FirewallInput): string[] =>
  masqueraded(input).flatMap((network) => [
    `-s ${network} -d ${MULTICAST} -j RETURN`,
    `! -s ${network} -d ${network} -j MASQUERADE --random-fully`,
    `-s ${network} ! -d ${network} -j MASQUERADE --random-fully`,
  ])

/** Our own table as a script for nft that replaces it in one step. */
export function nftScript(input: FirewallInput, table: string): string {
  const { bridge, port, controlPort, dockerBridge } = input
  const docker = dockerBridge && `iifname "${dockerBridge.name}" ip daddr ${formatIp4(dockerBridge.address)}`
  const lines = [
    `add table ip ${table}`,
    `delete table ip ${table}`,
    `table ip ${table} {`,
    '  chain input {',
    '    type filter hook input priority -10; policy accept;',
    ...(docker === undefined
      ? []
      : [
          `    ${docker} tcp dport ${port} counter drop`,
          `    ${docker} udp dport { ${port}, ${port + 1} } counter drop`,
        ]),
    ...(controlPort === undefined
      ? []
      : [
          `    ip daddr 127.0.0.1 tcp dport ${controlPort} fib saddr type != local ` +
            'ct state != { established, related } counter drop',
        ]),
    '  }',
    '  chain forward {',
    '    type filter hook forward priority -10; policy accept;',
    ...(dockerBridge ? [`    iifname "${dockerBridge.name}" oifname "${bridge}" counter drop`] : []),
    '  }',
    '  chain postrouting {',
    '    type nat hook postrouting priority 100; policy accept;',
    ...masqueraded(input).flatMap((network) => [
      `    ip saddr ${network} ip daddr ${MULTICAST} return`,
      `    ip saddr != ${network} ip daddr ${network} counter masquerade fully-random`,
      `    ip saddr ${network} ip daddr != ${network} counter masquerade fully-random`,
    ]),
    '  }',
    '}',
  ]
  return `${lines.join('\n')}\n`
}
