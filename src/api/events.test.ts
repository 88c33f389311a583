import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changesBetween } from './events.ts'
import { noVersionCheck, type Report } from './report.ts'
import { lonelyRouter } from './testing.ts'

const report = (router: Partial<Report['Router']>, more: Partial<Report> = {}): Report => ({
  Ready: true,
  Version: '3',
  VersionCheck: noVersionCheck,
  Router: { ...lonelyRouter, ...router },
  IPAM: undefined,
  DNS: undefined,
  Proxy: undefined,
  Plugin: undefined,
  ...more,
})

const connection = (State: 'pending' | 'established', age: number) => ({
  Address: '10.0.0.1:6783',
  Outbound: true,
  State,
  Info: 'sleeve  ',
  Attrs: new Map<string, string | number>([
    ['name', 'sleeve'],
    ['mtu', 1438],
    ['keyAgeSec', age],
  ]),
})

const seen = (before: Report | undefined, after: Report): string[] =>
  changesBetween(before, after).map(({ kind, change }) => `${kind} ${change}`)

test('the first report is all news', () => {
  assert.deepEqual(seen(undefined, report({ Targets: ['host2'] })), ['daemon added', 'target added'])
})

test('what stays is no news, nor is the growing age of a key', () => {
  const before = report({ Connections: [connection('established', 1)] })
  assert.deepEqual(seen(before, report({ Connections: [connection('established', 2)] })), [])
})

test('a connection changes its state, then ends', () => {
  const pending = report({ Connections: [connection('pending', 0)] })
  const established = report({ Connections: [connection('established', 0)] })
  assert.deepEqual(seen(pending, established), ['connection changed'])
  const [gone] = changesBetween(established, report({}))
  assert.deepEqual(gone, {
    kind: 'connection',
    change: 'removed',
    value: {
      address: '10.0.0.1:6783',
      outbound: true,
      state: 'established',
      info: 'sleeve',
      attributes: { name: 'sleeve', mtu: 1438 },
    },
  })
})

test('problems arise and are solved, readiness changes', () => {
  const problem = { Ready: false, Problems: ['Docker does not answer'] }
  assert.deepEqual(seen(report({}), report({}, problem)), ['daemon changed', 'problem added'])
  assert.deepEqual(seen(report({}, problem), report({})), ['problem removed', 'daemon changed'])
})
