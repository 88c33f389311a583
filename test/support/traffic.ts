import { once } from 'node:events'
import type { BareNet } from './bare-net.ts'

let made = 0
/** A prefix for names that no other run on this machine has, at most 6 characters. */
export const unique = (): string => `s${(process.pid % 1296).toString(36)}${(made++).toString(36)}x`

interface PingResult {
  readonly received: number
  readonly output: string
}

/** Three echo requests from the container of host `from`; never throws for loss. */
export function ping(net: BareNet, from: number, args: readonly string[], count = 3): PingResult {
  // `ping` says by its exit status what the output says better.
  const output = net.exec(
    net.container(from),
    'sh',
    '-c',
    `ping -n -c ${count} -i 0.1 -W 2 ${args.join(' ')} 2>&1 || true`,
  )
  return { received: Number(/(\d+) received/.exec(output)?.[1] ?? 0), output }
}

/** Sends random bytes by TCP from one container to another; true when the same bytes arrived. */
export async function transfer(
  net: BareNet,
  from: number,
  to: number,
  megabytes: number,
  address = net.address(to),
): Promise<boolean> {
  const receive = `
    const hash = require('node:crypto').createHash('sha256')
    const server = require('node:net').createServer((socket) => {
      socket.on('data', (chunk) => hash.update(chunk))
      socket.on('end', () => { console.log(hash.digest('hex')); server.close(); socket.end() })
    }).listen(7000, '::', () => console.log('listening'))`
  const send = `
    const bytes = require('node:crypto').randomBytes(${megabytes} << 20)
    console.log(require('node:crypto').createHash('sha256').update(bytes).digest('hex'))
    require('node:net').connect(7000, '${address}').end(bytes)`
  const server = net.spawn(net.container(to), process.execPath, '-e', receive)
  const ended = once(server, 'exit')
  let sent = ''
  let received = ''
  try {
    for await (const chunk of server.stdout ?? []) {
      received += String(chunk)
      if (sent === '' && received.includes('listening')) {
        sent = net.exec(net.container(from), process.execPath, '-e', send).trim()
      }
    }
    return sent.length === 64 && received.includes(sent)
  } finally {
    server.kill()
    await ended
  }
}

/** Sends UDP datagrams of these sizes from one container to another, each after the echo of the last; true when all came back unchanged. */
export async function echo(
  net: BareNet,
  from: number,
  to: number,
  sizes: readonly number[],
): Promise<boolean> {
  const answer = `
    const socket = require('node:dgram').createSocket('udp4')
    socket.on('message', (bytes, { port, address }) => socket.send(bytes, port, address))
    socket.bind(7000, () => console.log('listening'))`
  const ask = `
    const socket = require('node:dgram').createSocket('udp4')
    const sizes = ${JSON.stringify(sizes)}
    let sent
    const next = () => {
      const size = sizes.shift()
      if (size === undefined) { console.log('all'); socket.close(); return }
      sent = require('node:crypto').randomBytes(size)
      socket.send(sent, 7000, '${net.address(to)}')
    }
    socket.on('message', (bytes) => { if (!bytes.equals(sent)) throw new Error('changed on the way'); next() })
    next()`
  const server = net.spawn(net.container(to), process.execPath, '-e', answer)
  const ended = once(server, 'exit')
  try {
    for await (const chunk of server.stdout ?? []) if (String(chunk).includes('listening')) break
    return net.exec(net.container(from), 'timeout', '10', process.execPath, '-e', ask).includes('all')
  } finally {
    server.kill()
    await ended
  }
}

/** Sends UDP datagrams of these sizes at once, without waiting; true when all arrived unchanged and in order. */
export async function burst(
  net: BareNet,
  from: number,
  to: number,
  sizes: readonly number[],
  address = net.address(to),
): Promise<boolean> {
  const family = address.includes(':') ? 'udp6' : 'udp4'
  const content = `(index, size) => Buffer.alloc(size, index % 251)`
  const receive = `
    const sizes = ${JSON.stringify(sizes)}
    const content = ${content}
    const socket = require('node:dgram').createSocket({ type: '${family}', recvBufferSize: 1 << 20 })
    let seen = 0
    socket.on('message', (bytes) => {
      if (!bytes.equals(content(seen, sizes[seen]))) throw new Error('datagram ' + seen + ' is not what was sent')
      if (++seen === sizes.length) { console.log('all'); socket.close() }
    })
    socket.bind(7000, () => console.log('listening'))`
  const send = `
    const socket = require('node:dgram').createSocket('${family}')
    const content = ${content}
    socket.connect(7000, '${address}', () => {
      ${JSON.stringify(sizes)}.forEach((size, index) => socket.send(content(index, size)))
      socket.close()
    })`
  const receiver = net.spawn(net.container(to), 'timeout', '10', process.execPath, '-e', receive)
  const ended = once(receiver, 'exit')
  let output = ''
  try {
    for await (const chunk of receiver.stdout ?? []) {
      if (output === '') net.exec(net.container(from), process.execPath, '-e', send)
      output += String(chunk)
    }
    return output.includes('all')
  } finally {
    receiver.kill()
    await ended
  }
}

/** Puts one frame (hex) on a device, as it is. */
export function sendFrame(net: BareNet, ns: string, device: string, frame: string): void {
  const script = `
    socket(my $s, 17, 3, 0) or die "socket: $!";
    open(my $f, '<', '/sys/class/net/${device}/ifindex') or die; my $index = <$f>;
    send($s, pack('H*', '${frame}'), 0, pack('S n i S C C a8', 17, 3, $index, 0, 0, 6, '')) or die "send: $!";`
  net.exec(ns, 'perl', '-e', script)
}

/** Runs `act` and resolves with the first packet (hex of the whole frame) on the device that the filter lets through. */
export async function captured(
  net: BareNet,
  ns: string,
  device: string,
  filter: string,
  act: () => void,
): Promise<string> {
  const dump = net.spawn(
    ns,
    'timeout',
    '30',
    'tcpdump',
    '--immediate-mode',
    '-lnxxi',
    device,
    '-c',
    '1',
    filter,
  )
  const closed = once(dump, 'close')
  let output = ''
  dump.stdout?.on('data', (chunk) => {
    output += String(chunk)
  })
  // Its stderr stays open: writing to a closed one would end tcpdump before it has told what it caught.
  await new Promise<void>((resolve) => {
    dump.stderr?.on('data', (chunk) => {
      if (String(chunk).includes('listening on')) resolve()
    })
    dump.once('close', () => resolve())
  })
  act()
  await closed
  return [...output.matchAll(/0x[0-9a-f]+: {2}((?:[0-9a-f]+ ?)+)/g)]
    .map(([, hex]) => hex?.replaceAll(' ', ''))
    .join('')
}
