import { WeaveError } from '../lib/errors.ts'
import { type Cidr, formatCidr } from '../lib/ip4.ts'
import { type Finished, netnsAddon } from '../native/netns.ts'
import type { Netns } from './netns.ts'

const TIMEOUT_MS = 5000
const MULTICAST = '224.0.0.0/4'

/** The multicast rules of a container by way of iptables-legacy, for kernels without nf_tables. */
export function legacyMulticast(ns: Netns): {
  guard(ifname: string, subnets: readonly Cidr[]): Promise<void>
  forget(ifname: string, kept: readonly Cidr[], all: boolean): Promise<void>
} {
  const iptables = (...args: string[]): Promise<Finished> =>
    netnsAddon().netnsSpawn(ns.fd, ['iptables-legacy', '-w', '5', ...args], '', TIMEOUT_MS)

  const mustSucceed = async (...args: string[]): Promise<string> => {
    const { status, stdout, stderr } = await iptables(...args)
    if (status !== 0) throw new WeaveError('iptables', `iptables-legacy ${args.join(' ')}: ${stderr.trim()}`)
    return stdout
  }

  const ensure = async (how: '-A' | '-I', rule: string[]): Promise<void> => {
    const found = await iptables('-C', 'INPUT', ...rule)
    if (found.status !== 0) await mustSucceed(how, 'INPUT', ...rule)
  }

  return {
    async guard(ifname, subnets) {
      await ensure('-A', ['-i', ifname, '-d', MULTICAST, '-j', 'DROP'])
      for (const subnet of subnets) {
        await ensure('-I', ['-i', ifname, '-s', formatCidr(subnet), '-d', MULTICAST, '-j', 'ACCEPT'])
      }
    },

    async forget(ifname, kept, all) {
      const needed = new Set(kept.map((subnet) => acceptLine(ifname, formatCidr(subnet))))
      const listed = await mustSucceed('-S', 'INPUT')
      for (const line of listed.split('\n')) {
        const subnet = /^-A INPUT -s (\S+) -d/.exec(line)?.[1]
        const stale = subnet !== undefined && line === acceptLine(ifname, subnet) && !needed.has(line)
        const last = all && line === `-A INPUT -d ${MULTICAST} -i ${ifname} -j DROP`
        if (stale || last) await mustSucceed('-D', ...line.split(' ').slice(1))
      }
    },
  }
}

/** As iptables lists it: the ten words by which old versions recognise the rule (overlay §8.3). */
const acceptLine = (ifname: string, subnet: string): string =>
  `-A INPUT -s ${subnet} -d ${MULTICAST} -i ${ifname} -j ACCEPT`
