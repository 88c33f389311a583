import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { BareNet } from '../support/bare-net.ts'
import { duration, programOptions } from '../support/program-options.ts'

/**
 * Sealed traffic between two hosts for a long time, with a new key every ten seconds, while a third host's connections
 * are made anew all the time. Ends with status 1 when a datagram is lost in the overlay, keys stand still or memory grows.
 */

const USAGE = 'usage: npm run soak-sleeve [-- --minutes N]'
const REKEY_MS = 10_000
const EVERY_MS = 20_000
const GROWTH_ALLOWED = 1.1
/** Datagrams per second are a tenth of these bits per second in thousands: load that leaves the machine to others. */
const UDP_RATE = '8M'
const TCP_RATE = '40M'

const { values } = programOptions(USAGE, { options: { minutes: { type: 'string', default: '30' } } })
const minutes = duration(USAGE, '--minutes', values.minutes)

interface Look {
  readonly rssKb: readonly number[]
  readonly rekeys: number
}

interface UdpReport {
  readonly end: { readonly sum: { readonly packets: number; readonly lost_packets: number } }
}

/** Datagrams that a namespace's sockets had no room for: its programs were not given the processor in time. */
function receiveErrors(net: BareNet, ns: string): number {
  const [names, numbers] = net
    .exec(ns, 'cat', '/proc/net/snmp')
    .split('\n')
    .filter((line) => line.startsWith('Udp:'))
    .map((line) => line.split(' '))
  return Number(numbers?.[names?.indexOf('RcvbufErrors') ?? -1])
}

async function look(net: BareNet): Promise<Look> {
  const [first, second] = [await net.status(1), await net.status(2)]
  return { rssKb: [first.rssKb, second.rssKb], rekeys: first.counters.rekeys }
}

/** Both ends of a connection begin again, with another session key. */
function renew(net: BareNet, one: number, other: number): void {
  const payload = randomBytes(32).toString('hex')
  net.tell(one, { kind: 'renew', from: other, payload })
  net.tell(other, { kind: 'renew', from: one, payload })
}

function problemsOf(looks: readonly Look[], lost: number): string[] {
  const settled = looks.slice(Math.floor(looks.length / 3))
  const [first, last] = [settled[0], settled.at(-1)]
  if (first === undefined || last === undefined) return ['there was no time to look']
  const grown = last.rssKb.flatMap((rss, host) => {
    const before = first.rssKb[host] ?? 0
    return rss > before * GROWTH_ALLOWED ? [`memory of host ${host + 1}: ${before} KB, then ${rss} KB`] : []
  })
  // Host 1 has a key for each of its two neighbours; the renewed connection seldom gets as far as a second one.
  const expected = Math.floor((settled.length * EVERY_MS) / REKEY_MS / 2)
  const made = last.rekeys - first.rekeys
  return [
    ...grown,
    ...(made < expected ? [`${made} new keys where ${expected} were due at least`] : []),
    ...(lost > 0 ? [`${lost} datagrams were lost between the containers`] : []),
  ]
}

async function soak(): Promise<string[]> {
  const net = await BareNet.up({
    hosts: 3,
    prefix: `sk${process.pid % 1000}`,
    key: randomBytes(32).toString('hex'),
    ciphers: ['aes-256-gcm'],
    rekeyEvery: REKEY_MS,
  })
  const [from, to] = [net.container(1), net.container(2)]
  const children = [
    net.spawn(to, 'iperf3', '-s', '-p', '5201'),
    net.spawn(to, 'iperf3', '-s', '-p', '5202'),
    net.spawn(from, 'ping', '-q', '-i', '0.2', '-s', '1200', net.address(3)),
  ]
  await sleep(1000)
  const seconds = `${Math.round(minutes * 60)}`
  const traffic = ['iperf3', '-c', net.address(2), '-t', seconds, '-J']
  const tcp = net.spawn(from, ...traffic, '-p', '5201', '-b', TCP_RATE)
  const udp = net.spawn(from, ...traffic, '-p', '5202', '-u', '-b', UDP_RATE, '-l', '1000', '-w', '4M')
  children.push(tcp)
  let report = ''
  udp.stdout?.on('data', (chunk: Buffer) => {
    report += chunk.toString()
  })
  const ended = new Promise((resolve) => udp.once('close', resolve))
  const looks: Look[] = []
  try {
    let running = true
    ended.then(() => {
      running = false
    })
    while (running) {
      await Promise.race([sleep(EVERY_MS), ended])
      renew(net, 1, 3)
      renew(net, 2, 3)
      looks.push(await look(net))
      console.log(JSON.stringify(looks.at(-1)))
      // Nobody makes it anew here: also what is left of a run that was paused for longer than heartbeats wait.
      if (net.lines(1).some(({ kind }) => kind === 'failed')) return ['the connection of the two hosts ended']
    }
    const { packets, lost_packets: missing } = (JSON.parse(report) as UdpReport).end.sum
    const noRoom = receiveErrors(net, to) + receiveErrors(net, net.host(2))
    console.log(JSON.stringify({ packets, missing, noRoom, counters: (await net.status(2)).counters }))
    return problemsOf(looks, missing - noRoom)
  } finally {
    // A client of iperf3 that is asked to end waits for a last word of its server.
    for (const child of children) child.kill('SIGKILL')
    await net[Symbol.asyncDispose]()
  }
}

const problems = await soak()
for (const problem of problems) console.error(`soak: ${problem}`)
process.exitCode = problems.length > 0 ? 1 : 0
