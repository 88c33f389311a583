import { VERSION } from '../../../src/lib/version.ts'
import type { Exchange, Seen } from './exchange.ts'

/** The recorded answer in the form that ours is compared in. */
export function expectedOf({ response }: Exchange): Seen {
  if (response.timeout_after_s !== undefined) return 'blocks'
  if (response.status === undefined) return 'crash'
  return normal(response.status, response.headers?.['Content-Type'] ?? '', response.body ?? '')
}

/** Takes out of an answer what no two runs have in common. */
export function normal(status: number, type: string, body: string): Seen {
  if (type.startsWith('text/plain; version=0.0.4')) return { status, type, body: metricNames(body) }
  if (type === 'application/json' || /^[[{]/.test(body)) return { status, type, body: normalJson(body) }
  return { status, type, body: normalText(body) }
}

const metricNames = (body: string): readonly string[] => [...new Set(body.match(/^weave_\w+/gm) ?? [])].sort()

/** Proxy and plugin need Docker, which these hosts do not have: their sections are compared in the lab. */
const DOCKER_SECTION = /\n {8}Service: (?:proxy|plugin[^\n]*)\n(?: *\w+: [^\n]*\n)*/g

/** The order of targets is that of a hash map. */
const sorted = (body: string): string =>
  /^(?:[\d.:]+\n){2,}$/.test(body) ? `${body.trimEnd().split('\n').sort().join('\n')}\n` : body

const normalText = (body: string): string =>
  sorted(body)
    .replaceAll(VERSION, '2.8.1')
    .replace(DOCKER_SECTION, '')
    .replace(/keyAgeSec=\d+/g, 'keyAgeSec=N')
    .replace(/retry: \d{4}-[^\n]*? m=\+[\d.]+ ?/g, 'retry: TIME ')
    .replace(/(<- 192\.168\.48\.15:)\d+ */g, '$1PORT ')
    .replace(/( in )\d{4}-\S+/g, '$1TIME')

/** Values that differ from run to run, or tell of Open vSwitch and pcap. */
const VARYING = new Set([
  'UID',
  'ShortID',
  'OverlayDiagnostics',
  'Interface',
  'CaptureStats',
  'MACs',
  'Version',
])
const DOCKER = new Set(['Proxy', 'Plugin'])

function normalJson(body: string): unknown {
  return JSON.parse(body, (key, value: unknown) => {
    if (DOCKER.has(key)) return undefined
    if (VARYING.has(key)) return 'VARIES'
    if (key === 'Tombstone' && value !== 0) return 'TIME'
    if (typeof value === 'string') return normalText(value).replace(/^(192\.168\.48\.15:)\d+$/, '$1PORT')
    return value
  }) as unknown
}
