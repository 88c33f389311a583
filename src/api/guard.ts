import { isIP } from 'node:net'

/**
 * Why a request over TCP is refused, if it is. The API trusts whoever reaches it, so a web page must not: a name
 * that an attacker points at 127.0.0.1 (DNS rebinding) arrives with that name as `Host`, and a page's own request
 * carries an `Origin`. Addresses and `localhost` cannot be re-pointed.
 */
export function refusal(host: string | undefined, origin: string | undefined): string | undefined {
  if (host === undefined || host === '') return undefined
  const name = hostName(host)
  if (name !== 'localhost' && isIP(name) === 0) {
    return `requests must be addressed to an IP address or localhost, not to ${JSON.stringify(name)}`
  }
  if (origin !== undefined && origin !== `http://${host}`) {
    return `requests from web pages of ${JSON.stringify(origin)} are refused`
  }
  return undefined
}

/** Without port and brackets. */
const hostName = (host: string): string =>
  (/^\[(.*)\](?::\d+)?$/.exec(host)?.[1] ?? host.replace(/:\d+$/, '')).toLowerCase()
