import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { eventually, Lab } from './lab.ts'
import { inside, meshed, overlays, tools } from './traffic.ts'

/** What a host that is no peer can do to the ports of `target`. */
const attack = (target: string): string => `
const { randomBytes } = require('node:crypto')
const { connect } = require('node:net')
const sockets = []

/** Connects and sends; a refusal is what the other side is there for. */
const dial = (...chunks) => new Promise((done) => {
  const socket = connect(6783, '${target}', () => {
    for (const chunk of chunks) socket.write(chunk)
    setTimeout(done, 20)
  })
  socket.on('error', done)
  sockets.push(socket)
})

const intro = Buffer.from([...Buffer.from('weave'), 1, 2])
const length = (bytes) => { const field = Buffer.alloc(4); field.writeUInt32BE(bytes); return field }

async function main() {
  for (let i = 0; i < 40; i++) await dial(randomBytes(2000))
  for (let i = 0; i < 5; i++) await dial(intro, length(2 ** 32 - 1), randomBytes(100))
  for (let i = 0; i < 5; i++) await dial(intro, Buffer.of(0), length(10 << 20), Buffer.alloc(10 << 20))
  for (let i = 0; i < 400; i++) dial()

  const udp = require('node:dgram').createSocket('udp4')
  for (let i = 0; i < 20000; i++) {
    const sent = new Promise((done) => udp.send(randomBytes(1 + (i % 1400)), 6783 + (i % 2), '${target}', done))
    if (i % 100 === 0) await sent
  }
  for (const size of [9000, 65000, 65507]) await new Promise((done) => udp.send(randomBytes(size), 6783, '${target}', done))
  await new Promise((done) => setTimeout(done, 2000))
}
main().then(() => process.exit(0))
`

describe('a host on the LAN that means ill', () => {
  let lab: Lab
  let target: string

  before(async () => {
    lab = await Lab.up({ hosts: 3, tools: true })
    await lab.weave(1, 'launch')
    await lab.weave(2, 'launch', 'host1')
    await meshed(lab, [1, 2], 1)
    target = await tools(lab, 1, 'box1')
    await tools(lab, 2, 'box2')
  })
  after(() => lab.down())

  const daemon = async () => {
    const shown = await lab.sh(
      1,
      'pid=$(pgrep -P $(cat /var/run/weave/supervisor.pid)); echo $pid $(sed -n "s/VmRSS: *//p" /proc/$pid/status) $(ls /proc/$pid/fd | wc -l)',
    )
    const [pid, kilobytes, , descriptors] = shown.split(' ').map(Number)
    return { pid, kilobytes: kilobytes ?? 0, descriptors: descriptors ?? 0 }
  }

  test('garbage, giant messages and silent connections on our ports disturb nobody', async () => {
    const before = await daemon()
    const ping = inside(lab, 2, 'box2', `ping -i0.1 -c40 ${target}`)
    await lab.exec(3, [process.execPath, '-e', attack('10.99.0.1')])
    assert.match(await ping, / 0% packet loss/)

    const now = await daemon()
    assert.equal(now.pid, before.pid)
    assert.ok(now.kilobytes < before.kilobytes + 30_000, `${before.kilobytes} kB, now ${now.kilobytes}`)
    await eventually('the descriptors are given back', async () => {
      return (await daemon()).descriptors <= before.descriptors + 2
    })
    assert.equal((await overlays(lab, 1)).get('host2'), 'fastdp')
  })
})

describe('a host that lacks something', () => {
  let lab: Lab
  before(async () => {
    lab = await Lab.up({ hosts: 2 })
    await lab.weave(1, 'launch')
  })
  after(() => lab.down())

  test('without the tun module launch says which one', async () => {
    await lab.sh(2, 'mount --bind /dev/null /dev/net/tun')
    const refused = await lab.tryWeave(2, 'launch', 'host1')
    await lab.sh(2, 'umount /dev/net/tun')
    assert.equal(refused.status, 1)
    assert.match(refused.stderr, /^sleeve cannot start on weave-sleeve, .*`modprobe tun`/)
  })

  test('where the kernel refuses BPF programs sleeve does everything, and says so', async () => {
    const launch = ['setpriv', '--bounding-set', '-bpf,-sys_admin,-perfmon', 'bin/weave', 'launch', 'host1']
    await lab.exec(2, launch)
    await meshed(lab, [1, 2], 1)
    assert.equal((await overlays(lab, 2)).get('host1'), 'sleeve')
    assert.match(
      await lab.sh(2, 'cat /var/log/weave/weave.log'),
      /no fast datapath on this host, using sleeve/,
    )
  })
})
