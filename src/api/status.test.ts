import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { projectFile } from '../../test/support/project.ts'
import { goJson } from './go-json.ts'
import type { ConnectionState, Report } from './report.ts'
import { noVersionCheck } from './report.ts'
import { connectionsText, dnsText, ipamText, peersText, statusPages, targetsText } from './status-pages.ts'
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

test('every page has a name that the command line knows', () => {
  assert.deepEqual(Object.keys(statusPages).sort(), ['connections', 'dns', 'ipam', 'peers', 'targets'])
})
