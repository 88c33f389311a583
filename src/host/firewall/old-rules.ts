import type { FirewallInput } from './rules.ts'

const literally = (text: string): string => text.replace(/[^\w-]/g, '\\$&')

/**
 * Recognises rules, written `table CHAIN rule`, that we or an older weave made in another mode or with another
 * address of Docker's bridge (overlay §7.5).
 */
export function oldRules({ bridge, port, dockerBridge }: FirewallInput): (rule: string) => boolean {
  const weave = literally(bridge)
  const docker = literally(dockerBridge?.name ?? 'docker0')
  const ports = `(?:${port}|${port + 1})`
  const shapes = [
    `nat POSTROUTING -o ${weave} -j ACCEPT`,
    `filter FORWARD -i \\S+ -o ${weave} -j DROP`,
    `filter FORWARD -o ${weave} -j DROP`,
    `filter FORWARD -o ${weave} -m state --state NEW -j NFLOG --nflog-group 86`,
    `filter INPUT -i ${docker} -p (?:udp|tcp) -m (?:udp|tcp) --dport 53 -j ACCEPT`,
    `filter INPUT -d \\S+ -i ${docker} -p (?:udp|tcp) -m (?:udp|tcp) --dport ${ports} -j DROP`,
    // The rule of 2.6.3 had neither port nor comment.
    'filter INPUT -d 127\\.0\\.0\\.1/32 .*! --src-type LOCAL .*! --ctstate RELATED,ESTABLISHED .*Weave Net control port.*-j DROP',
    'filter INPUT -d 127\\.0\\.0\\.1/32 -m addrtype ! --src-type LOCAL -m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP',
  ].map((shape) => new RegExp(`^${shape}$`))
  return (rule) => shapes.some((shape) => shape.test(rule))
}
