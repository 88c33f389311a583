import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf, WeaveError } from '../../lib/errors.ts'

/** How dockerd is reached, in the words of dockerode's options. */
export type EngineAddress =
  | { readonly socketPath: string }
  | {
      readonly host: string
      readonly port: number
      readonly protocol: 'http' | 'https'
      readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string }
    }

export const defaultEngineAddress = 'unix:///var/run/docker.sock'

/**
 * Reads `--docker-api` or `DOCKER_HOST`; TLS as the docker client does it, by `DOCKER_TLS_VERIFY` and
 * `DOCKER_CERT_PATH`. Throws `WeaveError('docker-address')` for what we cannot reach.
 */
export function parseEngineAddress(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
): EngineAddress {
  if (text.startsWith('/')) return { socketPath: text }
  const match = /^(\w+):\/\/(.*)$/.exec(text.includes('://') ? text : `tcp://${text}`)
  const scheme = match?.[1]
  const rest = match?.[2] ?? ''

  if (scheme === 'unix' && rest.startsWith('/')) return { socketPath: rest }
  if (scheme === 'tcp' || scheme === 'http' || scheme === 'https') return parseTcp(text, scheme, rest, env)
  throw invalid(text, 'unix:///path, tcp://host:port, http:// and https:// work')
}

function parseTcp(
  text: string,
  scheme: string,
  rest: string,
  env: Readonly<Record<string, string | undefined>>,
): EngineAddress {
  let url: URL
  try {
    url = new URL(`http://${rest}`)
  } catch {
    throw invalid(text, 'it should look like tcp://host:port')
  }

  const withTls = scheme === 'https' || (env['DOCKER_TLS_VERIFY'] ?? '') !== ''
  const port = url.port === '' ? (withTls ? 2376 : 2375) : Number(url.port)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (host === '') throw invalid(text, 'it names no host')
  if (!withTls) return { host, port, protocol: 'http' }

  const directory = env['DOCKER_CERT_PATH'] ?? join(env['HOME'] ?? '/root', '.docker')
  return { host, port, protocol: 'https', tls: readCertificates(directory) }
}

function readCertificates(directory: string): { ca: string; cert: string; key: string } {
  try {
    const read = (name: string): string => readFileSync(join(directory, name), 'utf8')
    return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') }
  } catch (thrown) {
    throw new WeaveError(
      'docker-address',
      `cannot read the TLS files for the Docker API (${messageOf(thrown)}); set DOCKER_CERT_PATH to the directory of ca.pem, cert.pem and key.pem`,
      { cause: thrown },
    )
  }
}

function invalid(text: string, advice: string): WeaveError<'docker-address'> {
  return new WeaveError('docker-address', `cannot use "${text}" as the address of the Docker API: ${advice}`)
}
