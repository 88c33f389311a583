import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { addressOf, NAMES, type NameKind, RATE, reverseOf, type Sample, type Server } from './names.ts'

/** Where the servers are, all on port 53. */
const HOSTS = { weave: '127.0.0.1', unbound: '127.0.0.2', upstream: '127.0.0.3' } as const
const DOMAINS = { local: 'weave.local', cached: 'example.org' } as const

/** What is asked, one question a line. */
const QUESTIONS: Readonly<Record<NameKind, readonly string[]>> = {
  local: NAMES.map((name) => `${name}.${DOMAINS.local} A`),
  cached: NAMES.map((name) => `${name}.${DOMAINS.cached} A`),
  absent: NAMES.map((name) => `no-${name}.${DOMAINS.local} A`),
  reverse: NAMES.map((_, i) => `${reverseOf(i)} PTR`),
}
const KINDS: readonly NameKind[] = ['local', 'cached', 'absent', 'reverse']
const SERVERS: readonly Server[] = ['weave', 'unbound']

/** As much load as dnsperf makes: eight clients, a hundred questions under way. */
const SATURATING = ['-c', '8', '-q', '100']

const run = promisify(execFile)
const [directory = '', rounds = '3', seconds = '3'] = process.argv.slice(2)

const file = (name: string): string => join(directory, name)

const children: ChildProcess[] = []
try {
  await startServers()
  const samples: Sample[] = []
  for (let round = 0; round < Number(rounds); round++) {
    for (const names of KINDS) {
      for (const server of SERVERS) {
        const qps = await most(server, names)
        const p99 = await latency(server, names, ['-Q', `${RATE}`])
        samples.push({ server, names, qps, p99, p99Saturated: await latency(server, names, SATURATING) })
      }
    }
  }
  process.stdout.write(JSON.stringify(samples))
} finally {
  for (const child of children) child.kill()
}

async function startServers(): Promise<void> {
  for (const kind of KINDS) {
    writeFileSync(file(`${kind}.queries`), QUESTIONS[kind].map((line) => `${line}\n`).join(''))
  }
  writeFileSync(file('resolv.conf'), `nameserver ${HOSTS.upstream}\n`)
  const peer = fileURLToPath(import.meta.url).replace(/inside(\.[jt]s)$/, 'peer$1')
  start(process.execPath, [...process.execArgv, peer, HOSTS.weave, DOMAINS.local, file('resolv.conf')])
  startUnbound('upstream', records(DOMAINS.cached))
  startUnbound('unbound', [
    ...records(DOMAINS.local),
    ...NAMES.map((name, i) => `  local-data-ptr: "${addressOf(i)} 3600 ${name}.${DOMAINS.local}"`),
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

/** Answers per second under that load. */
async function most(server: Server, names: NameKind): Promise<number> {
  const { stdout } = await run('dnsperf', [...load(server, names), ...SATURATING])
  return Number(/Queries per second:\s+([\d.]+)/.exec(stdout)?.[1])
}

/** The latency in ms that one in a hundred answers exceeds. */
async function latency(server: Server, names: NameKind, how: readonly string[]): Promise<number> {
  // A file in memory: a reader at the other end of a pipe would take a processor from those who are measured.
  const path = `/dev/shm/weave-bench-dns-${process.pid}`
  const output = openSync(path, 'w')
  try {
    const dnsperf = spawn('dnsperf', [...load(server, names), ...how, '-v'], {
      stdio: ['ignore', output, 'ignore'],
    })
    await once(dnsperf, 'close')
    const lines = readFileSync(path, 'utf8').matchAll(/^> (?:NOERROR|NXDOMAIN) .* ([\d.]+)$/gm)
    const latencies = Float64Array.from(lines, (match) => Number(match[1]) * 1000).sort()
    return latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN
  } finally {
    closeSync(output)
    rmSync(path)
  }
}

function load(server: Server, names: NameKind): string[] {
  return ['-s', HOSTS[server], '-d', file(`${names}.queries`), '-l', seconds]
}
