import { formatListenAddress, parseListenAddress } from '../api/listen-address.ts'
import { withDocument } from '../api/openapi-route.ts'
import type { Route } from '../api/route.ts'
import { ApiServer } from '../api/server.ts'
import type { Config } from '../config/options.ts'
import type { Log } from '../lib/log.ts'

/** Routes by who may reach them. */
export interface RouteSets {
  readonly control: readonly Route[]
  readonly status: readonly Route[]
  readonly metrics: readonly Route[]
}

/** One server for each address that is configured (http §1). */
export function apiServers(
  config: Config,
  routes: RouteSets,
  log: Log,
): readonly { name: string; server: ApiServer }[] {
  const wanted: readonly (readonly [string, readonly Route[]])[] = [
    [config.controlSocket, [...routes.control, ...routes.status, ...routes.metrics]],
    [config.httpAddr, [...routes.control, ...routes.status, ...routes.metrics]],
    [config.statusAddr, [...routes.status, ...routes.metrics]],
    [config.metricsAddr, routes.metrics],
  ]
  return wanted
    .filter(([address]) => address !== '')
    .map(([text, set]) => {
      const address = parseListenAddress(text)
      return {
        name: `HTTP on ${formatListenAddress(address)}`,
        server: new ApiServer({ log: log.child({ part: 'http' }) }, address, withDocument(set)),
      }
    })
}
