/** How much of the command line an old flag takes, and what became of it. */
export interface OldFlag {
  readonly takesValue: boolean
  /** Refused flags would change what the user gets; the others are accepted and only mentioned. */
  readonly refuse: boolean
  readonly advice: string
}

const ignored = (takesValue: boolean, advice: string): OldFlag => ({ takesValue, refuse: false, advice })
const refused = (takesValue: boolean, advice: string): OldFlag => ({ takesValue, refuse: true, advice })

const CLOUD = 'Weave Cloud no longer exists'
const OVS = 'Open vSwitch is not used'
const PROXY = 'there is no Docker API proxy in this release; use the plugin (docker run --net=weave)'

/** Flags of 2.8.x that this daemon has no use for (cli §3). */
export const oldFlags: ReadonlyMap<string, OldFlag> = new Map(
  Object.entries({
    'advertise-address': ignored(true, CLOUD),
    awsvpc: refused(false, 'routes of Amazon VPC are not written; leave the flag away to use the mesh'),
    bufsz: ignored(true, 'packets are not captured through pcap'),
    datapath: ignored(true, OVS),
    'db-prefix': ignored(true, 'use --state-dir'),
    'expect-npc': refused(false, 'there is no network policy controller in this release'),
    'no-bridged-fastdp': ignored(false, OVS),
    'no-masq-local': refused(
      false,
      'traffic of exposed hosts is masqueraded, or not at all: weave expose --without-masquerade',
    ),
    'no-multicast-route': refused(false, 'it was an option of the proxy; use --plugin-no-multicast-route'),
    'pkt-debug': ignored(false, 'packets never reach the daemon; see /metrics, or tcpdump on the bridge'),
    'peer-discovery-url': ignored(true, CLOUD),
    'plugin-v2': refused(false, 'install the managed plugin instead of launching it'),
    'plugin-v2-multicast': refused(false, 'install the managed plugin instead of launching it'),
    profile: ignored(true, 'use `node --cpu-prof`'),
    token: ignored(true, CLOUD),
    proxy: ignored(false, PROXY),
    H: refused(true, PROXY),
    'hostname-from-label': refused(true, PROXY),
    'hostname-match': refused(true, PROXY),
    'hostname-replacement': refused(true, PROXY),
    'no-default-ipalloc': refused(false, PROXY),
    'no-detect-tls': ignored(false, PROXY),
    'no-rewrite-hosts': refused(false, PROXY),
    'rewrite-inspect': refused(false, PROXY),
    tls: refused(false, PROXY),
    tlscacert: refused(true, PROXY),
    tlscert: refused(true, PROXY),
    tlskey: refused(true, PROXY),
    tlsverify: refused(false, PROXY),
    'without-dns': refused(false, PROXY),
  }),
)

/** Variables of 2.8.x that would change what the user gets, or that are mentioned; by name (cli §0.1). */
export const oldVariables: ReadonlyMap<string, OldFlag> = new Map(
  Object.entries({
    AWSVPC: refused(false, 'routes of Amazon VPC are not written; unset it to use the mesh'),
    WEAVE_NO_BRIDGED_FASTDP: ignored(false, OVS),
    WEAVE_CNI_PLUGIN_DIR: ignored(true, 'there is no CNI plugin in this release'),
    HAIRPIN_MODE: ignored(true, 'there is no CNI plugin in this release'),
  }),
)
