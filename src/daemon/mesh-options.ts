import type { Config } from '../config/options.ts'
import type { Log } from '../lib/log.ts'
import type { PeerName } from '../lib/peer-name.ts'
import type { MeshOptions } from '../mesh/node-types.ts'
import { passwordWarning } from '../mesh/password.ts'

/** For how long neighbours keep our routes while the daemon is away; a restart takes well under a second. */
const RESTART_SEC = 20

/** The mesh's share of the configuration. */
export function meshOptions(
  config: Config,
  { name, shortId }: { readonly name: PeerName; readonly shortId: number },
  log: Log,
): MeshOptions {
  const password = config.password === '' ? undefined : new TextEncoder().encode(config.password)
  const warning = password && passwordWarning(password)
  if (warning !== undefined) log.warn(warning)
  if (password === undefined) log.info('Communication between peers is unencrypted.')
  else log.info('Communication between peers via untrusted networks is encrypted.')

  return {
    name,
    nickname: config.nickname,
    host: config.host === '' ? undefined : config.host,
    port: config.port,
    password,
    minVersion: config.minProtocolVersion === 2 ? 2 : 1,
    maxVersion: 2,
    connectionLimit: config.connLimit,
    discovery: !config.noDiscovery,
    trustedSubnets: config.trustedSubnets,
    restartSec: RESTART_SEC,
    shortId,
  }
}
