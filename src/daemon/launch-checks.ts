import { isLoopback, parseListenAddress } from '../api/listen-address.ts'
import type { Config } from '../config/options.ts'
import { options } from '../config/options.ts'
import { Host } from '../host/host.ts'
import { WeaveError } from '../lib/errors.ts'
import { parseCidr } from '../lib/ip4.ts'
import { silentLog } from '../lib/log.ts'

/** Throws `WeaveError('open-control')` for a control API that others could reach. */
export function checkAddresses({ httpAddr }: Config): void {
  if (httpAddr === '' || isLoopback(parseListenAddress(httpAddr))) return
  throw new WeaveError(
    'open-control',
    `--http-addr: ${httpAddr} would let everybody in the network control this host; use a loopback address or a socket's path`,
  )
}

/**
 * Lines of warning about a range that hides a route of the host and was asked for; throws `WeaveError('overlap')` for
 * the default one (cli §1.1).
 */
export async function checkRange(config: Config): Promise<readonly string[]> {
  const { ipallocRange: range, weaveBridge } = config
  if (range === '') return []
  const sentence = await overlappingRoute(range, weaveBridge)
  if (sentence === undefined) return []
  if (range === options.ipallocRange.fallback) {
    throw new WeaveError(
      'overlap',
      `${sentence}\nERROR: Default --ipalloc-range ${range} overlaps with existing route on host.\nYou must pick another range and set it on all hosts.`,
    )
  }
  return [
    sentence,
    `WARNING: Specified --ipalloc-range ${range} overlaps with existing route on host.`,
    'Unless this is deliberate, you must pick another range and set it on all hosts.',
  ]
}

/** Sentence about a route of the host that the allocation range would hide; undefined when there is none. */
async function overlappingRoute(range: string, bridge: string): Promise<string | undefined> {
  const host = new Host({ log: silentLog }, { bridge })
  try {
    return await host.overlap(parseCidr(range), [bridge])
  } finally {
    await host.stop()
  }
}
