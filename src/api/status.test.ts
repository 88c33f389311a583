import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { projectFile } from '../../test/support/project.ts'
import { goJson } from './go-json.ts'
import { ipamText, span } from './ipam-page.ts'
import type { ConnectionState, LeaseReport, Report } from './report.ts'
import { noVersionCheck } from './report.ts'
import { connectionsText, dnsText, peersText, statusPages, targetsText } from './status-pages.ts'
import { statusText } from './status-text.ts'

interface Exchange {
  readonly name: string
  readonly response: { readonly body: string }
}

function recorded(file: string): Map<string, string> {
  const exchanges = JSON.parse(readFileSync(projectFile('test/vectors/http', file), 'utf8')) as Exchange[]
  return new Map(exchanges.map((exchange) => [exchange.name, exchange.response.body]))
}

/** The document as recorded; its maps become maps. */
function reportOf(text: string): Report {
  const exact = text.replace(/("UID": )(\d+)/g, '$1"n$2"')
  return JSON.parse(exact, (key, value) => {
    if (key === 'UID') return BigInt(String(value).slice(1))
    if (key === 'VersionCheck') return noVersionCheck
    const isMap = key === 'Attrs' || key === 'OverlayDiagnostics' || key === 'CaptureStats'
    return isMap && value !== null ? new Map(Object.entries(value as object)) : value
  }) as Report
}

const sections = (report: Report): Report => ({
  ...report,
  IPAM: report.IPAM,
  DNS: report.DNS,
  Proxy: report.Proxy,
  Plugin: report.Plugin,
})

test('status pages of two peers are byte for byte those of the original', () => {
  const file = recorded('10-two-peers-plain.json')
  const report = sections(reportOf(file.get('report two peers') ?? ''))

  assert.equal(statusText(report), file.get('status two peers'))
  assert.equal(connectionsText(report), file.get('status connections plain'))
  assert.equal(peersText(report), file.get('status peers two'))
  assert.equal(ipamText(report), file.get('status ipam two peers'))
  assert.equal(dnsText(report), file.get('status dns two origins'))
  assert.equal(targetsText(report), '')
})

test('records that users added are shown behind the names', () => {
  const report = sections(reportOf(recorded('10-two-peers-plain.json').get('report two peers') ?? ''))
  const Records = [
    { Hostname: 'www.weave.local.', Origin: '02:00:00:00:00:01', Type: 'CNAME', Value: 'web.weave.local' },
  ]
  const DNS = report.DNS && { ...report.DNS, Records }
  const [shown] = dnsText({ ...report, DNS })
    .split('\n')
    .slice(-2)
  assert.equal(shown, 'www          CNAME           weave:extern 02:00:00:00:00:01 web.weave.local')
})

test('a report written again is byte for byte the one that was read, 64-bit numbers included', () => {
  const text = recorded('10-two-peers-plain.json').get('report two peers') ?? ''
  const report = reportOf(text)
  assert.match(text, /"UID": 11061894646396079273/)
  assert.equal(goJson(report, '    '), text)
})

test('an idle peer with proxy and plugin, and one without IPAM and DNS, show the sections they have', () => {
  const idle = recorded('01-idle-single-peer.json')
  assert.equal(statusText(reportOf(idle.get('report json') ?? '')), idle.get('status idle'))
  const bare = recorded('06-no-ipam-no-dns.json')
  const report = sections(reportOf(bare.get('report minimal') ?? ''))
  assert.equal(statusText(report), bare.get('status no ipam no dns'))
  assert.equal(dnsText(report), '')
  assert.equal(ipamText(report), '')
})

const base = (): Report =>
  sections(reportOf(recorded('10-two-peers-plain.json').get('report two peers') ?? ''))

test('connection counts come in their fixed order, and waiting ones only count in the total', () => {
  const states: readonly ConnectionState[] = [
    'failed',
    'established',
    'waiting',
    'connecting',
    'established',
    'retrying',
    'pending',
  ]
  const report = base()
  const Connections = states.map((State) => ({
    Address: 'a:1',
    Outbound: true,
    State,
    Info: '',
    Attrs: null,
  }))
  const text = statusText({ ...report, Router: { ...report.Router, Connections } })
  assert.match(text, /Connections: 7 \(2 established, 1 pending, 1 retrying, 1 failed, 1 connecting\)\n/)
})

test('attributes of a connection are parted by blanks, without the name', () => {
  const report = base()
  const Attrs = new Map<string, string | number | boolean>([
    ['name', 'sleeve'],
    ['mtu', 1414],
    ['encrypted', true],
  ])
  const [connection] = report.Router.Connections ?? []
  assert(connection)
  const text = connectionsText({
    ...report,
    Router: { ...report.Router, Connections: [{ ...connection, Attrs }] },
  })
  assert.match(text, / encrypted=true mtu=1414\n$/)
})

test('every state of the allocator has its words', () => {
  const report = base()
  const ipam = report.IPAM
  assert(ipam)
  const state = (change: Partial<typeof ipam>): string | undefined =>
    / Status: (.*)\n/.exec(statusText({ ...report, IPAM: { ...ipam, ...change } }))?.[1]
  const entries = (ipam.Entries ?? []).map((entry) => ({ ...entry, IsKnownPeer: false }))

  assert.equal(state({}), 'ready')
  assert.equal(state({ PendingAllocates: ['a 10.9.0.0/28'] }), 'waiting for IP(s) to become available')
  assert.equal(
    state({ Entries: entries }),
    "all IP ranges owned by unreachable peers - use 'rmpeer' if they are dead",
  )
  assert.equal(state({ Entries: null }), 'idle')
  assert.equal(state({ Entries: null, Paxos: { Elector: false, KnownNodes: 0, Quorum: 0 } }), 'priming')
  assert.equal(
    state({ Entries: null, Paxos: { Elector: true, KnownNodes: 1, Quorum: 2 } }),
    'awaiting consensus (quorum: 2, known: 1)',
  )
})

test('an owner that nobody can reach is marked', () => {
  const file = recorded('11-peer-gone-rmpeer-reset.json')
  const report = base()
  const ipam = report.IPAM
  assert(ipam)
  const Entries = (ipam.Entries ?? []).map((entry) => ({
    ...entry,
    IsKnownPeer: entry.Peer === report.Router.Name,
  }))
  assert.equal(ipamText({ ...report, IPAM: { ...ipam, Entries } }), file.get('status ipam peer gone'))
})

test('with leases each owner says what becomes of its space, and the last lines what holds for all', () => {
  const report = base()
  const ipam = report.IPAM
  assert(ipam)
  const entry = (at: number, known: boolean, lease: LeaseReport) => ({
    Token: `10.32.0.${at * 32}`,
    Size: 32,
    Peer: at === 0 ? report.Router.Name : `0a:00:00:00:00:0${at}`,
    Nickname: `host${at}`,
    IsKnownPeer: known,
    Version: 1,
    Lease: lease,
  })
  const lease = (State: LeaseReport['State'], LeasedForSec: number | null, BackInSec: number | null) => ({
    ...{ State, Free: 30, LeasedForSec, BackInSec },
  })
  const Entries = [
    entry(0, true, lease('member', 592, null)),
    entry(1, true, lease('member', 590, null)),
    entry(2, false, lease('member', null, 94)),
    entry(3, false, lease('departed', null, 86_340)),
    entry(4, true, lease('departed', null, 0)),
    entry(5, true, lease('outside', null, null)),
    entry(6, false, lease('outside', null, null)),
  ]
  const Leases = {
    ...{ Epoch: 7, Members: ['a', 'b', 'c', 'd'], Reachable: 3 },
    ...{ Voters: ['a', 'b', 'c'], VotersReachable: 2, Majority: 2 },
    ...{ LeaseTimeSec: 600, HoldTimeSec: 86_400, Lapsed: false, WhyNot: '' },
  }
  const page = (change: Partial<typeof Leases>): string =>
    ipamText({
      ...report,
      IPAM: { ...ipam, RangeNumIPs: 256, ActiveIPs: 2, Entries, Leases: { ...Leases, ...change } },
    })
  const own = `${report.Router.Name}(host0)`.padEnd(37)
  assert.equal(
    page({}),
    `${own}       32 IPs (12.5% of total) (2 active)     30 free, leased for 9m52s
0a:00:00:00:00:01(host1)                    32 IPs (12.5% of total)                30 free, leased for 9m50s
0a:00:00:00:00:02(host2)                    32 IPs (12.5% of total) - unreachable! 30 free: comes back in 1m34s
0a:00:00:00:00:03(host3)                    32 IPs (12.5% of total) - unreachable! gone: what its containers had comes back in 23h59m
0a:00:00:00:00:04(host4)                    32 IPs (12.5% of total)                was taken for gone, is back
0a:00:00:00:00:05(host5)                    32 IPs (12.5% of total)                30 free, has no lease
0a:00:00:00:00:06(host6)                    32 IPs (12.5% of total) - unreachable! 30 free, no lease: never taken over by itself
Leases: 4 hosts have one, 3 can be reached (epoch 7).
3 of them vote, 2 can be reached, 2 make a majority.
A host that is gone for 10m loses its free space, 24h later what its containers had.
Gone for good? Give their space to this host: weave rmpeer 0a:00:00:00:00:06
`,
  )
  const last = (change: Partial<typeof Leases>): string[] => page(change).split('\n').slice(7, -1)
  assert.deepEqual(last({ Lapsed: true, Reachable: 1, WhyNot: 'host5 does not take part' }), [
    'Leases: OURS HAS LAPSED, no addresses are given out here; 4 hosts have one, 1 can be reached (epoch 7).',
    '3 of them vote, 2 can be reached, 2 make a majority.',
    'Nothing is taken over by itself: host5 does not take part.',
  ])
  assert.deepEqual(last({ Members: [], Epoch: 0, WhyNot: 'it begins when three hosts are up' }), [
    'Leases: none yet.',
    'Nothing is taken over by itself: it begins when three hosts are up.',
    'Gone for good? Give their space to this host: weave rmpeer 0a:00:00:00:00:06',
  ])
  const few = last({ Members: ['a', 'b'], WhyNot: 'it takes three hosts' })
  assert.ok(few.includes('From these nothing is taken over by itself: it takes three hosts.'))
})

test('where nothing is taken over by itself the rows say so, and the last line what to do', () => {
  const report = base()
  const ipam = report.IPAM
  assert(ipam)
  const row = (at: number, known: boolean, Lease?: LeaseReport) => ({
    ...{ Token: `10.32.0.${at * 64}`, Size: 64, Version: 1, IsKnownPeer: known },
    ...(at === 0
      ? { Peer: report.Router.Name, Nickname: report.Router.NickName }
      : { Peer: `0a:00:00:00:00:0${at}`, Nickname: `host${at}` }),
    ...(Lease && { Lease }),
  })
  const none = { Free: 60, LeasedForSec: null, BackInSec: null }
  const Entries = [
    row(0, true, { State: 'member', ...none }),
    row(1, true, { State: 'member', ...none }),
    row(2, false, { State: 'member', ...none }),
    row(3, false, { State: 'departed', ...none }),
  ]
  const Leases = {
    ...{ Epoch: 7, Members: ['a', 'b', 'c'], Reachable: 2, Voters: ['a', 'b', 'c'], VotersReachable: 2 },
    ...{
      Majority: 2,
      LeaseTimeSec: 600,
      HoldTimeSec: 86_400,
      Lapsed: false,
      WhyNot: 'host1 does not take part',
    },
  }
  const text = ipamText({ ...report, IPAM: { ...ipam, RangeNumIPs: 256, ActiveIPs: 2, Entries, Leases } })
  assert.deepEqual(
    text
      .split('\n')
      .map((line) => line.slice(line.indexOf('total)') + 7).trim())
      .slice(0, 4),
    [
      '(2 active)     60 free',
      '60 free',
      '- unreachable! 60 free: does not come back by itself',
      '- unreachable! gone: what its containers had does not come back by itself',
    ],
  )
  assert.deepEqual(text.split('\n').slice(-3, -1), [
    'Nothing is taken over by itself: host1 does not take part.',
    'Gone for good? Give their space to this host: weave rmpeer 0a:00:00:00:00:02 0a:00:00:00:00:03',
  ])
})

test('spans of time are told in their two largest units', () => {
  assert.deepEqual([0, 6, 60, 61, 600, 3599, 3600, 3661, 86_340].map(span), [
    ...['0s', '6s', '1m', '1m1s', '10m', '59m59s', '1h', '1h1m', '23h59m'],
  ])
})

test('every page has a name that the command line knows', () => {
  assert.deepEqual(Object.keys(statusPages).sort(), ['connections', 'dns', 'ipam', 'peers', 'targets'])
})
