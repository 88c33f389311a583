// Writes recorded datagrams and frames as the first inputs of the fuzz targets: node seeds.mjs VECTORS CORPUS
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [vectors, corpus] = process.argv.slice(2)
const load = (name) => JSON.parse(readFileSync(join(vectors, name), 'utf8'))
const targets = ['datagram', 'sealed', 'capture', 'coalesce', 'aead']
for (const target of targets) mkdirSync(join(corpus, target), { recursive: true })

let written = 0
const seed = (target, ...parts) => writeFileSync(join(corpus, target, `seed-${written++}`), Buffer.concat(parts))
const hex = (text) => Buffer.from(text, 'hex')
const noOffload = Buffer.alloc(10)

/** The recorded peers A, B, C become the peers of the fuzz bench. */
const renamed = (bytes) => {
  let text = bytes.toString('hex')
  for (const [i, name] of ['02000000000a', '02000000000b', '02000000000c'].entries()) {
    text = text.replaceAll(name, `00000000000${[2, 1, 4][i]}`)
  }
  return hex(text)
}

/** Key, nonce, shape, body: lengths around the borders of blocks, of the head and of wide chunks. */
for (const length of [0, 1, 15, 16, 17, 111, 112, 113, 128, 239, 240, 241, 368, 1442]) {
  seed('aead', Buffer.alloc(44, 0x5a), Buffer.from([length & 0xff, length >> 8, length & 0xff]), Buffer.alloc(length, 0xa5))
}

const frames = []
for (const file of ['sleeve-plain-recorded.json', 'sleeve-encrypted-recorded.json']) {
  for (const packet of load(file).packets) {
    for (const { frame } of packet.frames) if (frame !== undefined) frames.push(hex(frame))
    if (packet.plaintext !== undefined) seed('sealed', renamed(hex(packet.plaintext)))
    else if (packet.udp_payload !== undefined) seed('datagram', Buffer.of(0), renamed(hex(packet.udp_payload)))
  }
}
for (const { frame } of load('ethernet-handling.json').decode) frames.push(hex(frame))
for (const { frame } of load('ethernet-handling.json').fragment) frames.push(hex(frame))
for (const frame of frames) {
  seed('capture', Buffer.of(4), noOffload, frame)
  seed('capture', Buffer.of(1), noOffload, frame.subarray(0, 12), hex('88a80002810000018'.slice(0, 16)), frame.subarray(12))
}

/** A TCP or UDP super-frame as the kernel describes it, over IPv4 or IPv6. */
function superFrame({ ip6, udp, size, payload }) {
  const ip = ip6
    ? Buffer.concat([hex('60000000'), Buffer.from([0, 0, udp ? 17 : 6, 64]), Buffer.alloc(32, 9)])
    : hex(`450000000001400040${udp ? '11' : '06'}00000a2800010a280002`)
  const transport = udp ? hex('1f901f9000000000') : hex('1f901f9000000001000000015018010000000000')
  const start = 14 + ip.length
  const header = Buffer.alloc(10)
  header.writeUInt8(1, 0)
  header.writeUInt8(udp ? 5 : ip6 ? 4 : 1, 1)
  header.writeUInt16LE(start + transport.length, 2)
  header.writeUInt16LE(size, 4)
  header.writeUInt16LE(start, 6)
  header.writeUInt16LE(udp ? 6 : 16, 8)
  const ethernet = Buffer.concat([hex('0a00000000b10a00000000a1'), hex(ip6 ? '86dd' : '0800')])
  return [header, ethernet, ip, transport, Buffer.alloc(payload, 0x41)]
}
for (const ip6 of [false, true]) {
  for (const udp of [false, true]) {
    seed('capture', Buffer.of(4), ...superFrame({ ip6, udp, size: 500, payload: 1800 }))
    seed('capture', Buffer.of(6), ...superFrame({ ip6, udp, size: 1300, payload: 3000 }))
  }
}

/** Packets that fit no path: what may be answered with "too big" and what may not. */
for (const [destination, offset, protocol, type] of [
  ['0a00000000b1', 0x4000, 1, 8],
  ['0a00000000b1', 0x4000, 1, 3],
  ['0a00000000b1', 0x4000, 1, 4],
  ['0a00000000b1', 0x4000, 1, 5],
  ['0a00000000b1', 0x4000, 1, 11],
  ['0a00000000b1', 0x4000, 1, 12],
  ['0a00000000b1', 0x4010, 17, 0],
  ['0a00000000b1', 0x0000, 17, 0],
  ['01005e000001', 0x4000, 17, 0],
]) {
  const ip = hex('450006400001000040000000 0a2800010a280002'.replace(' ', ''))
  ip.writeUInt16BE(offset, 6)
  ip.writeUInt8(protocol, 9)
  for (const where of [0, 2, 4, 6]) {
    const ethernet = Buffer.concat([hex(destination), hex('0a00000000a10800')])
    seed('capture', Buffer.of(where), noOffload, ethernet, ip, Buffer.alloc(1580, type))
  }
}
for (const [to, next, type] of [
  ['fd', 58, 128],
  ['fd', 58, 1],
  ['fd', 17, 0],
  ['ff', 17, 0],
]) {
  const ip = Buffer.concat([hex('600000000640'), Buffer.of(next, 64), Buffer.alloc(16, 0xfd), Buffer.alloc(16, Number.parseInt(to, 16))])
  for (const where of [0, 4, 6]) {
    seed('capture', Buffer.of(where), noOffload, hex('0a00000000b10a00000000a186dd'), ip, Buffer.alloc(1600, type))
  }
}

/** TCP segments that belong together, with valid checksums. */
function segments({ ip6, count, length }) {
  const sum = (bytes) => {
    let total = 0
    for (let i = 0; i < bytes.length; i += 2) total += (bytes[i] << 8) | (bytes[i + 1] ?? 0)
    while (total > 0xffff) total = (total & 0xffff) + (total >>> 16)
    return ~total & 0xffff
  }
  return Array.from({ length: count }, (_, i) => {
    const addresses = Buffer.alloc(ip6 ? 32 : 8, 9)
    const tcp = Buffer.concat([hex('1f901f90'), Buffer.alloc(4), hex('000000015010010000000000'), Buffer.alloc(length, i)])
    tcp.writeUInt32BE(1000 + i * length, 4)
    const pseudo = Buffer.concat([addresses, ip6 ? Buffer.alloc(4) : Buffer.of(0, 6, tcp.length >> 8, tcp.length & 255), ip6 ? Buffer.of(0, 0, 0, 6) : Buffer.alloc(0)])
    if (ip6) pseudo.writeUInt32BE(tcp.length, 32)
    tcp.writeUInt16BE(sum(Buffer.concat([pseudo, tcp])), 16)
    const ip = ip6 ? Buffer.concat([hex('60000000'), Buffer.of(tcp.length >> 8, tcp.length & 255, 6, 64), addresses]) : Buffer.concat([hex('450000000001400040060000'), addresses])
    if (!ip6) {
      ip.writeUInt16BE(20 + tcp.length, 2)
      ip.writeUInt16BE(sum(ip), 10)
    }
    const frame = Buffer.concat([hex('0a00000000b10a00000000a1'), hex(ip6 ? '86dd' : '0800'), ip, tcp])
    const prefix = Buffer.alloc(2)
    prefix.writeUInt16BE(frame.length)
    return Buffer.concat([prefix, frame])
  })
}
for (const ip6 of [false, true]) {
  for (const length of [10, 500, 1300]) seed('coalesce', ...segments({ ip6, count: 5, length }))
  seed('coalesce', ...segments({ ip6, count: 70, length: 20 }))
  const [a, b, c] = segments({ ip6, count: 3, length: 100 })
  seed('coalesce', b, a, c)
}
console.log(`${written} seeds in ${corpus}`)
