import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { messageOf, WeaveError } from '../lib/errors.ts'
import type { Log } from '../lib/log.ts'
import type { ListenAddress } from './listen-address.ts'
import type { Listener, OnRequest } from './server.ts'

/** Serves one UDP address; rejects with `WeaveError` when the address cannot be had. */
export async function listenUdp(address: ListenAddress, onRequest: OnRequest, log: Log): Promise<Listener> {
  const socket = createSocket({ type: isIPv6(address.host) ? 'udp6' : 'udp4', recvBufferSize: 4 * 2 ** 20 })
  socket.on('message', (request, client) => {
    onRequest(request, 'udp', (reply) => {
      socket.send(reply, client.port, client.address, (error) => {
        if (error !== null) log.debug('DNS reply not sent', { client: client.address, reason: error.message })
      })
    })
  })
  try {
    socket.bind({ address: address.host, port: address.port })
    await once(socket, 'listening')
  } catch (cause) {
    throw cannotListen('udp', address, cause)
  }
  socket.on('error', (error) => log.warn('DNS socket failed', { reason: error.message }))
  return {
    address: { host: address.host, port: socket.address().port },
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  }
}

export function cannotListen(transport: string, address: ListenAddress, cause: unknown): WeaveError {
  const reason = messageOf(cause)
  const text = `Unable to start dns server: listen ${transport} ${address.host}:${address.port}: ${reason}`
  return new WeaveError('dns-listen', text, { cause })
}
