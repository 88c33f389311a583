import assert from 'node:assert/strict'
import { test } from 'node:test'
import { healthText } from './health-text.ts'
import type { Report } from './report.ts'
import { noVersionCheck } from './report.ts'
import { statusText } from './status-text.ts'
import { lonelyRouter } from './testing.ts'

const router: Report['Router'] = { ...lonelyRouter, ProtocolMinVersion: 2 }

const healthy: Report = {
  Ready: true,
  Version: '3',
  VersionCheck: noVersionCheck,
  Router: router,
  IPAM: undefined,
  DNS: undefined,
  Proxy: undefined,
  Plugin: undefined,
}

/** The lines before the status that everybody knows. */
function headOf(report: Report): string {
  const { Problems: _problems, ...rest } = report
  const text = healthText(report)
  assert(text.endsWith(`\n${statusText(rest)}`))
  return text.slice(0, -statusText(rest).length - 1)
}

test('a healthy peer says so in one line', () => {
  assert.equal(headOf(healthy), '         Health: good\n')
})

test('problems, connections with reason and next try, and lost addresses come first', () => {
  const connection = { Address: '10.0.0.9:6783', Outbound: true, Attrs: null }
  const failed =
    'dial tcp :0->10.0.0.9:6783: no route, retry: 2026-11-21 00:28:05.544781206 +0000 UTC m=+35.7'
  const entry = {
    Token: '10.32.0.0',
    Version: 1,
    Nickname: 'old',
    Peer: '00:00:00:00:00:07',
    IsKnownPeer: false,
  }
  const report: Report = {
    ...healthy,
    Problems: ['Docker does not answer'],
    Router: {
      ...router,
      Connections: [
        { ...connection, State: 'failed', Info: failed },
        { ...connection, State: 'failed', Info: 'wrong password, retry: never' },
        { ...connection, State: 'retrying', Info: 'timed out' },
        { ...connection, State: 'connecting', Info: '' },
      ],
    },
    IPAM: {
      Paxos: null,
      Range: '10.32.0.0/12',
      RangeNumIPs: 1 << 20,
      ActiveIPs: 0,
      DefaultSubnet: '10.32.0.0/12',
      Entries: [
        { ...entry, Size: 100 },
        { ...entry, Size: 28 },
        { ...entry, Size: 1, Peer: '00:00:00:00:00:04', IsKnownPeer: true },
      ],
      PendingClaims: null,
      PendingAllocates: null,
    },
  }
  assert.equal(
    headOf(report),
    `         Health: needs attention
        Problem: Docker does not answer
     Connection: 10.0.0.9:6783: dial tcp :0->10.0.0.9:6783: no route; next try at 00:28:05 UTC
     Connection: 10.0.0.9:6783: wrong password; not tried again
     Connection: 10.0.0.9:6783: timed out; trying now
      Addresses: 00:00:00:00:00:07(old) is not reachable and owns 128; if it is gone for good: weave rmpeer 00:00:00:00:00:07
`,
  )
})

test('a peer without addresses yet says what it waits for', () => {
  const waiting = (Elector: boolean): Report => ({
    ...healthy,
    Ready: false,
    IPAM: {
      Paxos: { Elector, Quorum: 2, KnownNodes: 1 },
      Range: '10.32.0.0/12',
      RangeNumIPs: 1 << 20,
      ActiveIPs: 0,
      DefaultSubnet: '10.32.0.0/12',
      Entries: null,
      PendingClaims: null,
      PendingAllocates: null,
    },
  })
  const start = '         Health: starting\n      Addresses: none yet: '
  assert.equal(headOf(waiting(true)), `${start}2 peers must agree on the range, 1 are known\n`)
  assert.match(headOf(waiting(false)), /this peer observes/)
})
