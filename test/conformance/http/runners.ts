import { existsSync } from 'node:fs'
import { type ClientRequest, request } from 'node:http'
import { messageOf } from '../../../src/lib/errors.ts'
import { type DaemonHost, DaemonHosts } from '../../support/daemon-hosts.ts'
import { eventually } from '../../support/eventually.ts'
import { projectFile } from '../../support/project.ts'
import { SilentSocket } from '../../support/silent-socket.ts'
import type { Observation, Runner, Runners } from '../case.ts'
import type { Exchange, Seen } from './exchange.ts'
import { expectedOf, normal } from './normal.ts'
import { type Scene, scenes } from './scenes.ts'

/** A call that is still without answer by then blocks: ours answers in milliseconds, on a busy machine in hundreds. */
const BLOCKS_AFTER_MS = 3000

/** Recorded HTTP requests, sent to running daemons in the recorded order. */
export const httpRunners: Runners = Object.fromEntries(
  Object.entries(scenes).map(([file, scene]): [string, Runner] => [
    file,
    (exchanges: readonly Exchange[]) => replay(scene, exchanges),
  ]),
)

async function* replay(scene: Scene, exchanges: readonly Exchange[]): AsyncGenerator<Observation> {
  const obstacle = whyNotHere()
  if (obstacle !== undefined) {
    for (const { name } of exchanges) yield { case: name, notRun: obstacle }
    return
  }
  await using _docker = scene.silentDocker === true ? await SilentSocket.open() : undefined
  await using network = await DaemonHosts.up(scene.hosts)
  const host = (index: number) => network.host(index)
  await scene.before?.(host)
  const socket = host(scene.recorded ?? 0).socket(scene.listener ?? 'control')
  const blocked = new Set<ClientRequest>()
  for (const exchange of exchanges) {
    if (exchange.name === scene.hangUpBefore) await hangUp(blocked, host(scene.recorded ?? 0))
    const why = scene.notRun?.[exchange.name]
    if (why !== undefined) {
      await scene.instead?.[exchange.name]?.(host(scene.recorded ?? 0))
      yield { case: exchange.name, notRun: why }
      continue
    }
    const expected = expectedOf(exchange)
    const actual = await send(socket, exchange, blocked)
    yield { case: exchange.name, expected, actual: onlyKnownMetrics(expected, actual) }
  }
}

/** Resolves when the daemon has noticed. */
async function hangUp(blocked: ReadonlySet<ClientRequest>, host: DaemonHost): Promise<void> {
  for (const call of blocked) call.destroy()
  const form = new URLSearchParams({ format: '{{len .IPAM.PendingAllocates}}' })
  await eventually('nothing is pending', async () => {
    const { body } = await host.send({ method: 'GET', path: '/report', form })
    return body === '0'
  })
}

function whyNotHere(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root for network namespaces'
  return existsSync(projectFile('dist/daemon.cjs')) ? undefined : 'needs a build (npm run build)'
}

/** We have more metrics than the original: that is no difference. */
function onlyKnownMetrics(expected: Seen, actual: Seen): Seen {
  if (expected === 'crash' && typeof actual !== 'string' && Array.isArray(actual.body)) {
    return { ...actual, body: 'metrics' }
  }
  if (typeof expected === 'string' || typeof actual === 'string' || !Array.isArray(expected.body))
    return actual
  const known = new Set(expected.body)
  if (!Array.isArray(actual.body) || !expected.type.includes('version=')) return actual
  return { ...actual, body: actual.body.filter((name) => known.has(name)) }
}

function send(
  socketPath: string,
  { request: { method, path, headers, body } }: Exchange,
  blocked: Set<ClientRequest>,
): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        socketPath,
        method,
        path,
        headers: { ...headers, host: 'localhost', 'content-length': Buffer.byteLength(body) },
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          text += chunk
        })
        response.on('end', () => {
          clearTimeout(limit)
          resolve(normal(response.statusCode ?? 0, response.headers['content-type'] ?? '', text))
        })
      },
    )
    // The request stays open: hanging up would cancel it, and later answers show what is pending.
    const limit = setTimeout(() => {
      blocked.add(sent)
      resolve('blocks')
    }, BLOCKS_AFTER_MS)
    sent.on('error', (error) => {
      clearTimeout(limit)
      if (sent.destroyed && messageOf(error).includes('socket hang up')) resolve('crash')
      else reject(error)
    })
    sent.end(body)
  })
}
