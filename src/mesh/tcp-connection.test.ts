import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { eventually } from '../../test/support/eventually.ts'
import { TcpConnection } from './tcp-connection.ts'

/** Two ends of a TCP connection over loopback: ours, wrapped, and a bare socket that has not been read from. */
async function pair(): Promise<{
  connection: TcpConnection
  other: Socket
  events: string[]
  received: () => number
  progress: () => number
}> {
  const server = createServer({ pauseOnConnect: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object', 'a TCP address')
  const other = connect({ port: address.port, host: '127.0.0.1' })
  other.pause()
  const [[socket]] = (await Promise.all([once(server, 'connection'), once(other, 'connect')])) as [
    [Socket],
    unknown,
  ]
  server.close()

  const connection = new TcpConnection(socket)
  const events: string[] = []
  let received = 0
  let progress = 0
  connection.open(1, {
    received: (_id, bytes) => {
      received += bytes.length
    },
    closed: (_id, reason) => events.push(`closed: ${reason}`),
    congested: () => events.push('congested'),
    progressed: () => {
      progress++
    },
    drained: () => events.push('drained'),
  })
  other.on('error', () => undefined)
  return { connection, other, events, received: () => received, progress: () => progress }
}

const MEGABYTE = new Uint8Array(2 ** 20)

test('a reader that is slow is reported, and that it has caught up', async () => {
  const { connection, other, events } = await pair()
  for (let i = 0; i < 8; i++) connection.write(MEGABYTE)
  assert.deepEqual(events, ['congested'])

  let read = 0
  other.on('data', (bytes) => {
    read += bytes.length
  })
  other.resume()
  await eventually('all to be read', () => read === 8 * 2 ** 20 && connection.unsent === 0)
  await eventually('the end of congestion', () => events.length === 2)
  assert.deepEqual(events, ['congested', 'drained'])
  assert.equal(connection.bytesOut, 8 * 2 ** 20)
  connection.close()
  other.destroy()
})

test('progress of a congested connection shows, and that there is none', async () => {
  const { connection, other, events, progress } = await pair()
  for (let i = 0; i < 16; i++) connection.write(MEGABYTE)
  await eventually('the buffers of the kernel to be full', () => progress() > 0)
  const before = progress()
  other.once('readable', () => other.read(8 * 2 ** 20))
  await eventually('some progress', () => progress() > before)
  assert.deepEqual(events, ['congested'])
  connection.close()
  other.destroy()
})

test('what may be waiting for one neighbour is bounded', async () => {
  const { connection, other, events } = await pair()
  for (let i = 0; i < 100; i++) connection.write(MEGABYTE)
  assert.match(events.join('\n'), /closed: write tcp .*: \d+ bytes unsent, more than 33554432/)
  assert.ok(connection.unsent <= 34 * 2 ** 20, 'no more than the limit and one message')
  other.destroy()
})

test('a close and a reset by the other side have different reasons', async () => {
  const closed = await pair()
  closed.other.end()
  await eventually('the close', () => closed.events.includes('closed: EOF'))

  const reset = await pair()
  reset.other.resetAndDestroy()
  await eventually('the reset', () =>
    reset.events.some((event) => /read: connection reset by peer$/.test(event)),
  )
})

test('after our own close nothing is reported and nothing written', async () => {
  const { connection, other, events, received } = await pair()
  other.write('late')
  connection.close()
  connection.write(MEGABYTE)
  other.resume()
  await eventually('the close', () => other.closed)
  assert.deepEqual(events, [])
  assert.equal(received(), 0)
})
