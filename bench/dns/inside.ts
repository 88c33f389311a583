import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { addressOf, NAMES } from './names.ts'

/** What one server did with one kind of names in one round. */
export interface Sample {
  readonly server: 'weave' | 'unbound'
  readonly names: 'local' | 'cached'
  readonly qps: number
  /** In ms. */
  readonly p99: number
}

/** Where the servers are, all on port 53. */
const HOSTS = { weave: '127.0.0.1', unbound: '127.0.0.2', upstream: '127.0.0.3' } as const
const DOMAINS = { local: 'weave.local', cached: 'example.org' } as const

/** Load of the latency runs, per second: well below what either server can do. */
const RATE = 10_000

const run = promisify(execFile)
const [directory = '', rounds = '3', seconds = '3'] = process.argv.slice(2)

const file = (name: string): string => join(directory, name)

const children: ChildProcess[] = []
try {
  await startServers()
  const samples: Sample[] = []
  for (let round = 0; round < Number(rounds); round++) {
    for (const names of ['local', 'cached'] as const) {
      for (const server of ['weave', 'unbound'] as const) {
        samples.push({ server, names, qps: await most(server, names), p99: await latency(server, names) })
      }
    }
  }
  process.stdout.write(JSON.stringify(samples))
} finally {
  for (const child of children) child.kill()
}

async function startServers(): Promise<void> {
  for (const [kind, domain] of Object.entries(DOMAINS)) {
    writeFileSync(file(`${kind}.queries`), NAMES.map((name) => `${name}.${domain} A\n`).join(''))
  }
  writeFileSync(file('resolv.conf'), `nameserver ${HOSTS.upstream}\n`)
  const peer = fileURLToPath(import.meta.url).replace(/inside(\.[jt]s)$/, 'peer$1')
  start(process.execPath, [...process.execArgv, peer, HOSTS.weave, DOMAINS.local, file('resolv.conf')])
  startUnbound('upstream', records(DOMAINS.cached))
  startUnbound('unbound', [
    ...records(DOMAINS.local),
    'forward-zone:',
    `  name: "${DOMAINS.cached}"`,
    `  forward-addr: ${HOSTS.upstream}`,
  ])
  for (const [server, names] of [
    ['upstream', 'cached'],
    ['weave', 'local'],
    ['unbound', 'local'],
    ['weave', 'cached'],
    ['unbound', 'cached'],
  ] as const) {
    await ready(HOSTS[server], `${NAMES.at(-1)}.${DOMAINS[names]}`)
    // Each name once, so that all are in the caches.
    await run('dnsperf', ['-s', HOSTS[server], '-d', file(`${names}.queries`), '-n', '1'])
  }
}

function startUnbound(name: 'unbound' | 'upstream', lines: readonly string[]): void {
  const conf = `server:
  interface: ${HOSTS[name]}
  do-daemonize: no
  username: ""
  chroot: ""
  directory: "${directory}"
  pidfile: ""
  use-syslog: no
  verbosity: 0
  num-threads: 1
  do-not-query-localhost: no
  module-config: "iterator"
  so-rcvbuf: 4m
${lines.join('\n')}
`
  writeFileSync(file(`${name}.conf`), conf)
  start('unbound', ['-c', file(`${name}.conf`)])
}

function records(domain: string): string[] {
  return [
    `  local-zone: "${domain}." static`,
    ...NAMES.map((name, i) => `  local-data: "${name}.${domain}. 3600 IN A ${addressOf(i)}"`),
  ]
}

function start(command: string, args: readonly string[]): void {
  // Whatever it says goes to the log: stdout is for the samples.
  children.push(spawn(command, args, { stdio: ['ignore', 2, 'ignore'] }))
}

/** Waits until the server answers for the name. */
async function ready(host: string, name: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    const answer = await run('dig', [`@${host}`, '+short', '+time=1', '+tries=1', name]).catch(
      () => undefined,
    )
    if (answer !== undefined && /^[\d.]+\n$/.test(answer.stdout)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`${host} does not answer for ${name}`)
}

/** Answers per second under as much load as dnsperf makes. */
async function most(server: Sample['server'], names: Sample['names']): Promise<number> {
  const { stdout } = await run('dnsperf', [
    ...['-s', HOSTS[server], '-d', file(`${names}.queries`), '-l', seconds, '-c', '8', '-q', '100'],
  ])
  return Number(/Queries per second:\s+([\d.]+)/.exec(stdout)?.[1])
}

/** The latency that one in a hundred answers exceeds. */
async function latency(server: Sample['server'], names: Sample['names']): Promise<number> {
  const { stdout } = await run(
    'dnsperf',
    [...['-s', HOSTS[server], '-d', file(`${names}.queries`), '-l', seconds, '-Q', String(RATE), '-v']],
    { maxBuffer: 2 ** 28 },
  )
  const latencies = [...stdout.matchAll(/^> NOERROR .* ([\d.]+)$/gm)].map((match) => Number(match[1]) * 1000)
  return latencies.sort((a, b) => a - b)[Math.floor(latencies.length * 0.99)] ?? Number.NaN
}
