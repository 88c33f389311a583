import { Dns } from '../../src/dns/dns.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { parseIp4 } from '../../src/lib/ip4.ts'
import { silentLog } from '../../src/lib/log.ts'
import { peerName } from '../../src/lib/peer-name.ts'
import { systemRng } from '../../src/lib/rng.ts'
import { DnsServer } from '../../src/native/dns.ts'
import { addressOf, NAMES } from './names.ts'

/** The name server of a peer, as the daemon builds it. */
const [host = '', domain = '', resolvConf] = process.argv.slice(2)
const dns = new Dns(
  {
    clock: systemClock,
    rng: systemRng,
    log: silentLog,
    openFastServer: (onRequest, bounds) => new DnsServer(onRequest, bounds),
  },
  {
    name: peerName(1),
    isKnownPeer: () => true,
    domain,
    listen: [{ host, port: 53 }],
    ttlSec: 1,
    fallbackTimeout: 5000,
    resolvConf,
  },
)
await dns.start()
for (const [i, name] of NAMES.entries()) dns.register(`c${i}`, parseIp4(addressOf(i)), `${name}.${domain}`)
