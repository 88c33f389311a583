import { messageOf } from '../../../src/lib/errors.ts'
import { formatPeerName, parsePeerName, peerNameFromBytes } from '../../../src/lib/peer-name.ts'
import { formatHostPort, parseHostPort } from '../../../src/mesh/host-port.ts'
import { nameFromId, oldStylePeerName, systemPeerName } from '../../../src/mesh/peer-identity.ts'
import { type Lookup, resolveHost } from '../../../src/mesh/resolve.ts'
import { fromHex } from '../../support/hex.ts'
import type { Observation } from '../case.ts'

interface PeerNames {
  readonly parse: readonly { readonly input: string; readonly name?: string; readonly error?: string }[]
  readonly fromBin: readonly { readonly bytes: string; readonly string: string }[]
  readonly derive: readonly {
    readonly machineId: string
    readonly productUuid: string
    readonly name?: string
    readonly oldStyleName?: string
    readonly macOfEmptyInput?: string
  }[]
}

export function* peerNames(vector: PeerNames): Generator<Observation> {
  for (const c of vector.parse) {
    yield {
      case: `parse ${JSON.stringify(c.input)}`,
      expected: c.name ?? c.error,
      actual: attempt(() => formatPeerName(parsePeerName(c.input))),
    }
  }
  for (const c of vector.fromBin) {
    yield {
      case: `bytes ${c.bytes}`,
      expected: c.string,
      actual: attempt(() => formatPeerName(peerNameFromBytes(fromHex(c.bytes)))),
    }
  }
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
  for (const c of vector.derive) {
    const ids = { machineId: encode(c.machineId), productUuid: encode(c.productUuid) }
    const name = systemPeerName(ids)
    const label = `derive ${JSON.stringify(c.machineId)} ${JSON.stringify(c.productUuid)}`
    yield { case: label, expected: c.name, actual: name === undefined ? undefined : formatPeerName(name) }
    if (c.oldStyleName !== undefined) {
      yield {
        case: `${label} old style`,
        expected: c.oldStyleName,
        actual: formatPeerName(oldStylePeerName(ids)),
      }
    }
    if (c.macOfEmptyInput !== undefined) {
      yield { case: 'derive nothing', expected: c.macOfEmptyInput, actual: formatPeerName(nameFromId()) }
    }
  }
}

interface HostPorts {
  readonly cases: readonly {
    readonly input: string
    readonly resolved?: string
    readonly target?: string
    readonly error?: string
  }[]
}

/** The recording machine had no DNS: only localhost resolves. */
const onlyLocalhost: Lookup = async (host) => {
  if (host === 'localhost') return [{ address: '127.0.0.1', family: 4 }]
  throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' })
}

export async function* hostPorts(vector: HostPorts): AsyncGenerator<Observation> {
  for (const c of vector.cases) {
    const expected = c.error ?? { resolved: c.resolved, target: c.target }
    yield { case: JSON.stringify(c.input), expected, actual: await resolveTarget(c.input) }
  }
}

async function resolveTarget(text: string): Promise<unknown> {
  try {
    const { host, port } = parseHostPort(text)
    const resolution = await resolveHost(host, onlyLocalhost)
    if ('error' in resolution) return resolution.error
    const address = resolution.addresses[0] ?? ''
    return { resolved: formatHostPort(address, port ?? 0), target: formatHostPort(address, port ?? 6783) }
  } catch (thrown) {
    return messageOf(thrown)
  }
}

function attempt(run: () => string): string {
  try {
    return run()
  } catch (thrown) {
    return messageOf(thrown)
  }
}
