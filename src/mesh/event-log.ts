import type { Log } from '../lib/log.ts'
import { formatPeerName } from '../lib/peer-name.ts'
import type { MeshEvent, PeerRef } from './node-types.ts'

/** `02:00:00:00:01:01(h1)`, as in status. */
const show = (peer: PeerRef): string => `${formatPeerName(peer.name)}(${peer.nickname})`

/** Log lines of what happens in the mesh. Changes of state are `info`, what only repeats is `debug`. */
export function logMeshEvent(log: Log, event: MeshEvent): void {
  switch (event.kind) {
    case 'connection-ready':
      log.info('connection ready', {
        peer: show(event.peer),
        address: event.address,
        protocolVersion: event.version,
      })
      return
    case 'connection-added':
      log.info('connection added', { peer: show(event.peer), address: event.address, how: event.how })
      return
    case 'connection-established':
      log.info('connection fully established', { peer: show(event.peer), address: event.address })
      return
    case 'connection-deleted':
      log.info('connection deleted', { peer: show(event.peer), address: event.address })
      return
    case 'connection-failed':
      logFailure(log, event)
      return
    case 'connection-held':
      log.info('connection lost, its routes are held while the peer restarts', {
        peer: show(event.peer),
        seconds: event.seconds,
      })
      return
    case 'peer-collected':
      log.info('removed unreachable peer', { peer: show(event.peer) })
      return
    case 'surrogate-created':
      log.info('created surrogate channel', { channel: event.channel })
      return
    case 'ignored':
      log.debug('ignored', { peer: show(event.peer), reason: event.reason })
      return
  }
}

function logFailure(log: Log, event: Extract<MeshEvent, { kind: 'connection-failed' }>): void {
  const fields = { address: event.address, reason: event.reason }
  if (event.fault !== undefined) {
    log.error('fault in the mesh, connection closed', { ...fields, error: event.fault })
    return
  }
  const level = event.routine ? 'debug' : 'info'
  if (event.peer === undefined) {
    log[level]('connection shutting down due to error during handshake', fields)
  } else {
    log[level]('connection shutting down due to error', { peer: show(event.peer), ...fields })
  }
}
