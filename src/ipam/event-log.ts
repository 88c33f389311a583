import { formatCidr } from '../lib/ip4.ts'
import type { Log } from '../lib/log.ts'
import { formatPeerName } from '../lib/peer-name.ts'
import { cidrsOf, rangeAsCidr } from './range.ts'
import type { AllocatorEvent } from './request.ts'

/** The line in the log for what the allocator reports. */
export function logEvent(log: Log, event: AllocatorEvent): void {
  switch (event.kind) {
    case 'initialising':
      log.info(event.with)
      return
    case 'awaiting-consensus':
      log.info('waiting for a majority of the peers to agree on the first ring', { quorum: event.quorum })
      return
    case 'ring-created':
      log.info('IP range divided among the peers', { peers: event.seeds.map(formatPeerName) })
      return
    case 'space-lost':
      log.error('addresses in use were taken over by another peer', {
        addresses: event.ranges.flatMap(cidrsOf).map(formatCidr),
      })
      return
    case 'donated':
      log.info('space donated', { range: rangeAsCidr(event.range), to: formatPeerName(event.to) })
      return
    case 'newcomer-waits':
      log.warn(
        "a new host gets no space from us while no other host that owns space can be reached: bring one back, or run 'weave rmpeer' here for those that are dead",
        { peer: formatPeerName(event.peer) },
      )
      return
    case 'late-claim-failed':
      log.warn('an address that is in use here could not be claimed', {
        ident: event.ident,
        reason: event.text,
      })
      return
    case 'foreign-address-dropped':
      log.warn('an address on disk is not ours any more and was forgotten', { ident: event.ident })
      return
    case 'container-addresses-freed':
      log.info('addresses of a container that is gone freed', { container: event.ident })
      return
    case 'ring-conflict':
      log.error('the ring of a peer contradicts ours', {
        peer: formatPeerName(event.peer),
        reason: event.conflict.text,
      })
      return
    case 'ring-conflict-over':
      log.info('the ring of a peer agrees with ours again', { peer: formatPeerName(event.peer) })
      return
    case 'ring-adopted':
      log.warn('our ring was given up for another one; addresses in use here are claimed anew', {
        peers: event.seeds.map(formatPeerName),
      })
      return
    case 'epoch-began': {
      const { number, members, voters, taken } = event.epoch
      log.info('the hosts that hold leases were agreed on', {
        epoch: number,
        hosts: members.length,
        voters: voters.map(formatPeerName),
        joined: event.joined.map(formatPeerName),
        left: event.left.map(formatPeerName),
      })
      for (const { from, to, count } of taken)
        log.info('space of a host that is gone taken over', {
          from: formatPeerName(from),
          by: formatPeerName(to),
          addresses: count,
        })
      return
    }
    case 'lease-wanted':
      log.info(
        'a majority of the members is asked for our first lease: until then no addresses are given out',
      )
      return
    case 'lease-granted':
      log.info('a majority of the members has granted our lease: addresses can be given out')
      return
    case 'lease-lapsed':
      log.warn(
        'our lease has lapsed: no new addresses are given out until a majority of the members is reached',
      )
      return
    case 'state-outdated':
      log.warn(
        'the state directory is older than what other hosts know of this one (deleted, or restored from a backup); what it held by then stays held',
      )
      return
    case 'cloned':
      log.error('another host uses the name of this one: no addresses are given out here; see weave status')
      return
    case 'name-doubled':
      log.error('two hosts use one name (a cloned machine?): neither gives out addresses; see weave status', {
        peer: formatPeerName(event.peer),
      })
      return
    case 'clock-drifts':
      log.error('the clock of a host runs faster or slower than leases can stand', {
        peer: formatPeerName(event.peer),
        percent: event.percent,
      })
      return
    case 'unknown-message':
      log.warn('a peer sent an IPAM message of a kind that we do not know', {
        peer: formatPeerName(event.peer),
        type: event.type,
      })
      return
    default:
      event satisfies never
  }
}
