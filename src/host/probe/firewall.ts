import { activeBackends } from '../firewall/backends.ts'
import { NFT_TABLE } from '../firewall/firewall.ts'
import { runProgram } from '../firewall/program.ts'
import type { Finding, Outcome } from './finding.ts'
import { type Packet, walk } from './packet-walk.ts'

/** What peers send us. */
const wanted = (port: number): { protocol: 'tcp' | 'udp'; port: number; without: string }[] => [
  { protocol: 'tcp', port, without: 'peers cannot connect to this host' },
  { protocol: 'udp', port, without: 'no sleeve connection from other hosts' },
  { protocol: 'udp', port: port + 1, without: 'no fast datapath from other hosts' },
]

/** Whether the host's firewall lets our ports in and the bridge's packets through. */
export async function probeFirewall(bridge: string, port: number): Promise<Finding[]> {
  const tables = (await activeBackends()).map(({ backend, saved }) => ({
    program: `iptables-${backend.kind}`,
    saved,
  }))

  const judge = (packet: Packet, allow: (program: string) => string): Outcome => {
    for (const { program, saved } of tables) {
      const fate = walk(saved, packet)
      if (fate.verdict === 'dropped') {
        const problem = `${program} drops it (${fate.by})`
        return { state: 'wrong', problem, advice: `allow it: ${allow(program)}` }
      }
      if (fate.verdict === 'unclear') {
        return { state: 'unknown', reason: `depends on where it comes from (${program}, ${fate.by})` }
      }
    }
    return { state: 'works' }
  }

  const ports = wanted(port).map(({ protocol, port: to, without }): Finding => {
    const packet = { chain: 'INPUT', protocol, port: to, from: undefined, to: undefined } as const
    const allow = (program: string): string => `${program} -I INPUT -p ${protocol} --dport ${to} -j ACCEPT`
    const title = `${protocol.toUpperCase()} port ${to} from other hosts`
    return { id: `input-${protocol}-${to}`, group: 'firewall', title, without, outcome: judge(packet, allow) }
  })
  const forward: Finding = {
    id: 'forward',
    group: 'firewall',
    title: `packets between ports of the bridge ${bridge}`,
    without: 'containers on this host cannot reach each other or the network',
    outcome: judge(
      { chain: 'FORWARD', protocol: 'tcp', port: undefined, from: bridge, to: bridge },
      () => 'start weave, which adds the rule',
    ),
  }
  return [...ports, forward, ...(await foreignChains(port))]
}

interface NftChain {
  readonly family: string
  readonly table: string
  readonly name: string
  readonly hook?: string
  readonly policy?: string
}

/** Chains of other programs, e.g. of firewalld, that drop what they do not know: an accept of ours does not undo that. */
async function foreignChains(port: number): Promise<Finding[]> {
  const listed = await runProgram(['nft', '--json', 'list', 'chains'])
  if (listed === undefined || listed.status !== 0) return []
  return parseChains(listed.stdout)
    .filter(({ hook, policy }) => (hook === 'input' || hook === 'forward') && policy === 'drop')
    .filter(({ family, table }) => !(family === 'ip' && (table === 'filter' || table === NFT_TABLE)))
    .filter(({ family }) => family === 'ip' || family === 'inet')
    .map(({ family, table, name, hook }) => ({
      id: `nft-${family}-${table}-${name}`,
      group: 'firewall',
      title: `nftables chain ${name} of table ${family} ${table}`,
      without: 'what it does not accept is dropped',
      outcome: {
        state: 'unknown',
        reason:
          hook === 'input'
            ? `it drops by default; see to it that it accepts TCP ${port} and UDP ${port} and ${port + 1}`
            : 'it drops by default; see to it that it accepts packets from and to the weave bridge',
      },
    }))
}

function parseChains(text: string): NftChain[] {
  const parsed: unknown = JSON.parse(text)
  if (typeof parsed !== 'object' || parsed === null || !('nftables' in parsed)) return []
  const objects = Array.isArray(parsed.nftables) ? (parsed.nftables as { chain?: NftChain }[]) : []
  return objects.flatMap(({ chain }) => chain ?? [])
}
