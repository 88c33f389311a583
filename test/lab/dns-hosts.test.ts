import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { eventually, Lab } from './lab.ts'

/** Host 1 serves names; on hosts 2 and 3 are the name servers of its resolv.conf. */
const SERVERS = [2, 3] as const

/** A name server that knows one address for every name, and lets it live for a second. */
const UPSTREAM = `
const socket = require('node:dgram').createSocket('udp4')
socket.on('message', (query, from) => {
  const end = query.indexOf(0, 12) + 5
  const record = Buffer.from('c00c0001000100000001000400000000', 'hex')
  process.argv[2].split('.').forEach((part, i) => record.writeUInt8(Number(part), 12 + i))
  const reply = Buffer.concat([query.subarray(0, end), record])
  reply.writeUInt16BE(0x8180, 2)
  reply.writeUInt16BE(1, 6)
  reply.writeUInt32BE(0, 8)
  socket.send(reply, from.port, from.address)
})
socket.bind(53, process.argv[1])
`

let lab: Lab

const hostAddress = (host: number): string => `10.99.0.${host}`

/** What the server on Docker's bridge says. */
async function dig(name: string, ...flags: string[]): Promise<string> {
  const argv = ['dig', '@172.17.0.1', '+short', '+time=3', '+tries=1', ...flags, name]
  return (await lab.try(1, argv)).stdout.trim()
}

/** Puts a new resolv.conf in the place of the old one, as resolvconf and systemd-resolved do. */
const setServers = (...hosts: readonly number[]): Promise<string> => {
  const lines = hosts.map((host) => `nameserver ${hostAddress(host)}`)
  const text = [...lines, 'options edns0 trust-ad', 'search example.org'].join('\n')
  return lab.sh(1, `printf '${text}\n' >/etc/resolv.new; mv /etc/resolv.new /etc/resolv.conf`)
}

before(async () => {
  lab = await Lab.up({ hosts: 3, docker: false })
  for (const host of SERVERS) {
    const answer = `192.0.2.${host}`
    await lab.hosts([
      'run',
      `${host}`,
      'upstream',
      process.execPath,
      '-e',
      UPSTREAM,
      hostAddress(host),
      answer,
    ])
  }
  await setServers(2)
  await lab.weave(1, 'launch')
})
after(() => lab?.down())

test('names are served as soon as dockerd has made its bridge, though weave was there first', async () => {
  assert.equal(await lab.weave(1, 'dns-args'), '', 'no server to tell containers of')
  assert.match(await lab.weave(1, 'status'), /Problem: names are not served/)
  await lab.weave(1, 'dns-add', '10.40.0.1', '-h', 'early.weave.local')

  await lab.hosts(['dockerd', '1', 'start'])
  await eventually('names are served', async () => (await dig('early.weave.local')) === '10.40.0.1')
  assert.equal(await dig('early.weave.local', '+tcp'), '10.40.0.1')
  assert.match(await lab.weave(1, 'dns-args'), /^--dns=172\.17\.0\.1 --dns-search=weave\.local/)
  assert.doesNotMatch(await lab.weave(1, 'status'), /Problem: names are not served/)
  assert.match(await lab.sh(1, 'nft list ruleset'), /docker0/, 'the firewall knows the bridge too')
})

test('resolv.conf is followed when another file takes its place', async () => {
  assert.equal(await dig('followed.example.net'), '192.0.2.2')
  await setServers(3)
  await eventually('host3 is asked', async () => (await dig('followed.example.net')) === '192.0.2.3', 5000)
})

test('a name server that is switched off delays one answer by a moment, and no other', async () => {
  await setServers(2, 3)
  await eventually('host2 is asked first', async () => (await dig('first.example.net')) === '192.0.2.2', 5000)
  await lab.hosts(['kill', '2'])
  const began = performance.now()
  assert.equal(await dig('second.example.net'), '192.0.2.3')
  assert.equal(await dig('third.example.net'), '192.0.2.3')
  // Both together, with the time that two processes in a namespace need on a busy machine.
  assert.ok(performance.now() - began < 3000)
})

test('while no name server answers, names of containers do, and so does what was known', async () => {
  assert.equal(await dig('known.example.net'), '192.0.2.3')
  await lab.hosts(['kill', '3'])
  assert.equal(await dig('early.weave.local'), '10.40.0.1')
  // The TTL of answers that are better than none.
  await eventually('the answer is past its life', async () => {
    const { stdout } = await lab.try(1, ['dig', '@172.17.0.1', '+noall', '+answer', 'known.example.net'])
    return /\t30\t.*192\.0\.2\.3/.test(stdout)
  })
})
