import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { bpfDoors } from '../../src/native/bpf/doors.ts'
import { CONFIG_DIRECT } from '../../src/native/bpf/layout.ts'
import { KernelSwitch } from '../../src/native/bpf/switch.ts'
import { projectFile } from '../support/project.ts'
import { inOwnNamespaces } from './support/namespaces.ts'

/** Recorded on the underlay between peers of Weave Net 2.8.1. */
const RECORDINGS = ['fastdp-original-vm', 'fastdp-direct', 'fastdp-mixed', 'fastdp-relay'] as const
const PASS = -1
const REDIRECT = 7
const UDP_PORT = 6784
/** The devices of a test run are the loopback's. */
const LOOPBACK = 1
/** Outer Ethernet, IP, UDP and VXLAN headers. */
const HEADERS = 50
/** Fields of the IP header. */
const AT = { id: 4, checksum: 10, source: 12, destination: 16, end: 20 } as const
const HERE = Uint8Array.of(2, 0, 0, 0, 0, 1)

interface Datagram {
  /** The whole frame of the underlay. */
  readonly bytes: Uint8Array
  readonly ip: Uint8Array
  readonly inner: Uint8Array
  readonly from: number
  readonly to: number
}

/** The VXLAN datagrams of a recording. */
function datagrams(name: string): Datagram[] {
  const file = readFileSync(projectFile(`test/vectors/overlay/${name}.pcap`))
  const found: Datagram[] = []
  for (let at = 24; at + 16 <= file.length; ) {
    const length = file.readUInt32LE(at + 8)
    const bytes = Uint8Array.from(file.subarray(at + 16, at + 16 + length))
    at += 16 + length
    const view = new DataView(bytes.buffer)
    if (length < HEADERS + 14 || view.getUint16(12) !== 0x800 || view.getUint8(23) !== 17) continue
    if (view.getUint16(36) !== UDP_PORT) continue
    const network = view.getUint32(46) >>> 8
    const [ip, inner] = [bytes.subarray(14, 34), bytes.subarray(HEADERS)]
    found.push({ bytes, ip, inner, from: network & 0xfff, to: network >>> 12 })
  }
  assert.ok(found.length > 5, name)
  return found
}

const typeOf = (frame: Uint8Array): number => ((frame[12] ?? 0) << 8) | (frame[13] ?? 0)
const isPlain = (frame: Uint8Array): boolean =>
  (frame[0] ?? 1) % 2 === 0 && [0x800, 0x86dd].includes(typeOf(frame))
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

inOwnNamespaces(import.meta.filename, () => {
  let kernel: KernelSwitch

  before(() => {
    kernel = KernelSwitch.load()
  })
  after(() => kernel.close())

  const configure = (self: number): void =>
    kernel.setConfig({ vxlan: LOOPBACK, port: LOOPBACK, punt: 0, clock: 1000, self, flags: CONFIG_DIRECT })
  const wayOf = ({ ip }: Datagram, local: number, remote: number) => ({
    ifindex: LOOPBACK,
    local: ip.slice(local, local + 4),
    remote: ip.slice(remote, remote + 4),
    gateway: ip.slice(remote, remote + 4),
    udpPort: UDP_PORT,
  })
  const runProgram = (name: 'from_underlay' | 'from_bridge', frame: Uint8Array) =>
    bpfDoors().bpfProgramRun(kernel.program(name), frame)

  for (const name of RECORDINGS) {
    test(`${name}: unicast IP comes out of the original’s datagrams byte by byte, all else is left to the kernel`, () => {
      const seen = { taken: 0, left: 0 }
      for (const datagram of datagrams(name)) {
        const { bytes, inner, to } = datagram
        configure(to)
        const tunnel = wayOf(datagram, AT.destination, AT.source)
        const mac = inner.slice(0, 6)
        // Groups are nobody's address.
        const addLocal = (): void => {
          if ((mac[0] ?? 1) % 2 === 0) kernel.addLocal(mac, LOOPBACK, 1000)
        }
        kernel.addTunnel(tunnel)
        addLocal()
        const result = runProgram('from_underlay', bytes)
        const taken = isPlain(inner)
        seen[taken ? 'taken' : 'left']++
        assert.equal(result.verdict, taken ? REDIRECT : PASS)
        assert.equal(hex(result.frame), hex(taken ? inner : bytes))

        // The same for another peer, for a MAC that is not here, from a stranger, and cut off: never ours.
        configure(to ^ 1)
        assert.equal(runProgram('from_underlay', bytes).verdict, PASS)
        configure(to)
        kernel.removeLocal(mac)
        assert.equal(runProgram('from_underlay', bytes).verdict, PASS)
        addLocal()
        kernel.removeTunnel(tunnel)
        assert.equal(runProgram('from_underlay', bytes).verdict, PASS)
        kernel.addTunnel(tunnel)
        assert.equal(runProgram('from_underlay', bytes.slice(0, HEADERS + 14)).verdict, PASS)
        kernel.removeTunnel(tunnel)
        kernel.removeLocal(mac)
      }
      assert.ok(seen.taken > 0 && seen.left > 0, JSON.stringify(seen))
    })

    test(`${name}: what we send differs from the original’s in nothing but source port and identification`, () => {
      let compared = 0
      for (const datagram of datagrams(name).filter(({ inner }) => isPlain(inner))) {
        const { bytes, ip, inner, from, to } = datagram
        configure(from)
        kernel.setHop(to, {
          address: ip.slice(AT.destination, AT.end),
          sleeve: false,
          mtu: 0,
        })
        kernel.setWay(to, wayOf(datagram, AT.source, AT.destination))
        kernel.forgetRemote(inner.slice(6, 12))
        learnDestination(datagram)
        const { verdict, frame } = runProgram('from_bridge', inner)
        assert.equal(verdict, REDIRECT)
        assert.equal(frame.length, bytes.length)
        assert.equal(onesSum(frame.subarray(14, 34)), 0xffff, 'checksum of the IP header')
        assert.equal(hex(comparable(frame)), hex(comparable(bytes)))
        compared++
      }
      assert.ok(compared > 0)
    })
  }

  /** The switch learns where a frame is going from one that comes from there. */
  function learnDestination(datagram: Datagram): void {
    const { bytes, inner, from, to } = datagram
    const back = Uint8Array.from(bytes)
    new DataView(back.buffer).setUint32(46, ((from << 12) | to) << 8)
    back.set(HERE, HEADERS)
    back.set(inner.subarray(0, 6), HEADERS + 6)
    const tunnel = wayOf(datagram, AT.destination, AT.source)
    kernel.removeLocal(inner.slice(0, 6))
    kernel.addLocal(HERE, LOOPBACK, 1000)
    kernel.addTunnel(tunnel)
    assert.equal(runProgram('from_underlay', back).verdict, REDIRECT)
    kernel.removeTunnel(tunnel)
    kernel.removeLocal(HERE)
  }
})

/** Without what may differ: outer Ethernet header, identification, checksum, source port. */
function comparable(frame: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(frame.subarray(14))
  bytes.fill(0, AT.id, AT.id + 2)
  bytes.fill(0, AT.checksum, AT.source)
  bytes.fill(0, AT.end, AT.end + 2)
  return bytes
}

function onesSum(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let sum = 0
  for (let at = 0; at < bytes.length; at += 2) sum += view.getUint16(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return sum
}
