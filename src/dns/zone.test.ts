import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decode, type Answer as PacketAnswer, type Question as PacketQuestion } from 'dns-packet'
import { keyText, parsed, queryBytes } from '../../test/support/dns-query.ts'
import type { Ip4 } from '../lib/ip4.ts'
import type { PeerName } from '../lib/peer-name.ts'
import { seededRng } from '../lib/rng.ts'
import { composeReply } from './answer.ts'
import { nameToKey } from './name.ts'
import { isHandType } from './record.ts'
import { RecordTable } from './record-table.ts'
import { NameTable } from './table.ts'
import { Zone } from './zone.ts'

const US = 1 as PeerName

/** A zone of `NAME ADDRESS` and `NAME TYPE VALUE` lines. */
function zoneOf(...lines: readonly string[]): Zone {
  const names = new NameTable(US)
  const records = new RecordTable(US)
  for (const line of lines) {
    const [name = '', type = '', ...value] = line.split(' ')
    if (isHandType(type)) records.add({ name: `${name}.`, type, value: value.join(' ') })
    else names.add(`${name}.`, `c${type}`, Number(type) as Ip4)
  }
  const domain = nameToKey('weave.local') ?? ''
  return new Zone({ names: names.index, records }, { domain, ttlSec: 1 })
}

/** What comes out: records, or what is to be done. */
function ask(zone: Zone, name: string, type: PacketQuestion['type'] = 'A'): string {
  const query = parsed(queryBytes(name, type))
  const resolution = zone.resolve(query)
  if (resolution.kind === 'forward') return `forward ${resolution.zone}`
  if (resolution.kind === 'alias') return `alias of ${keyText(resolution.target)}`
  const reply = decode(Buffer.from(composeReply(query, resolution.answer, 4096, seededRng(1))))
  const { rcode } = reply as typeof reply & { readonly rcode: string }
  const answers = (reply.answers ?? []).map(text).sort()
  return [rcode, ...answers].join('; ')
}

function text(answer: PacketAnswer): string {
  const { name, type } = answer
  const data = 'data' in answer ? answer.data : ''
  const value = typeof data === 'object' && 'target' in data ? `${data.port} ${data.target}` : String(data)
  return `${name} ${type} ${value}`
}

test('names in the domain are ours, single labels too, and types that a name does not have are empty', () => {
  const zone = zoneOf('web.weave.local 1', 'web.weave.local 2', 'weave.local 3', 'a.b.weave.local 4')
  assert.equal(ask(zone, 'web.weave.local'), 'NOERROR; web.weave.local A 0.0.0.1; web.weave.local A 0.0.0.2')
  assert.equal(ask(zone, 'WEB'), 'NOERROR; WEB A 0.0.0.1; WEB A 0.0.0.2')
  assert.equal(ask(zone, 'weave.local'), 'NOERROR; weave.local A 0.0.0.3')
  assert.equal(ask(zone, 'a.b.weave.local'), 'NOERROR; a.b.weave.local A 0.0.0.4')
  assert.equal(ask(zone, 'b.weave.local'), 'NXDOMAIN')
  assert.equal(ask(zone, 'com', 'NS'), 'NXDOMAIN')
  for (const type of ['AAAA', 'MX', 'TXT', 'SRV', 'NAPTR', 'SOA'] as const) {
    assert.equal(ask(zone, 'web.weave.local', type), 'NOERROR')
  }
})

test('everything else goes upstream, the root and DS records too', () => {
  const zone = zoneOf('web.weave.local 1')
  assert.equal(ask(zone, 'example.org'), 'forward foreign')
  assert.equal(ask(zone, 'xweave.local'), 'forward foreign')
  assert.equal(ask(zone, '.', 'NS'), 'forward foreign')
  assert.equal(ask(zone, 'web.weave.local', 'DS'), 'forward foreign')
  assert.equal(ask(zone, 'web', 'DS'), 'NOERROR')
})

test('addresses are looked up backwards, unknown ones upstream', () => {
  const zone = zoneOf('web.weave.local 167772161')
  assert.equal(
    ask(zone, '1.0.0.10.in-addr.arpa', 'PTR'),
    'NOERROR; 1.0.0.10.in-addr.arpa PTR web.weave.local',
  )
  assert.equal(ask(zone, '2.0.0.10.in-addr.arpa', 'PTR'), 'forward reverse')
  assert.equal(ask(zone, '1.0.0.10.IN-ADDR.arpa', 'A'), 'NXDOMAIN')
  for (const bad of ['0.0.10', 'foo', '256.0.0.10', '01.0.0.10', '1.1.0.0.10']) {
    assert.equal(ask(zone, `${bad}.in-addr.arpa`, 'PTR'), 'NXDOMAIN', bad)
  }
  assert.equal(ask(zone, '1.0.0.ip6.arpa', 'PTR'), 'forward foreign')
})

test('a wildcard covers what is below it, but not below a name that exists', () => {
  const zone = zoneOf('*.apps.weave.local 1', 'x.apps.weave.local 2')
  assert.equal(ask(zone, 'any.apps.weave.local'), 'NOERROR; any.apps.weave.local A 0.0.0.1')
  assert.equal(ask(zone, 'a.b.apps.weave.local'), 'NOERROR; a.b.apps.weave.local A 0.0.0.1')
  assert.equal(ask(zone, 'x.apps.weave.local'), 'NOERROR; x.apps.weave.local A 0.0.0.2')
  assert.equal(ask(zone, 'y.x.apps.weave.local'), 'NXDOMAIN')
  assert.equal(ask(zone, 'apps.weave.local'), 'NXDOMAIN')
  assert.equal(ask(zoneOf('*.weave.local 1'), 'web'), 'NOERROR; web A 0.0.0.1')
})

test('records by hand are answered beside addresses', () => {
  const zone = zoneOf(
    'web.weave.local 1',
    'web.weave.local AAAA fd00::1',
    'web.weave.local TXT hello world',
    '_http._tcp.weave.local SRV 1 2 8080 web.weave.local',
  )
  assert.equal(ask(zone, 'web.weave.local'), 'NOERROR; web.weave.local A 0.0.0.1')
  assert.equal(ask(zone, 'web', 'AAAA'), 'NOERROR; web AAAA fd00::1')
  assert.equal(ask(zone, 'web.weave.local', 'TXT'), 'NOERROR; web.weave.local TXT hello world')
  assert.equal(ask(zone, 'web.weave.local', 'MX'), 'NOERROR')
  assert.equal(
    ask(zone, '_http._tcp.weave.local', 'SRV'),
    'NOERROR; _http._tcp.weave.local SRV 8080 web.weave.local',
  )
  assert.equal(ask(zone, '_http._tcp.weave.local'), 'NOERROR')
})

test('aliases are followed inside the domain, and outside by others', () => {
  const zone = zoneOf(
    'web.weave.local 1',
    'www.weave.local CNAME web.weave.local',
    'home.weave.local CNAME www.weave.local.',
    'search.weave.local CNAME example.org',
    'lost.weave.local CNAME nowhere.weave.local',
    'ring.weave.local CNAME round.weave.local',
    'round.weave.local CNAME ring.weave.local',
  )
  assert.equal(
    ask(zone, 'home'),
    'NOERROR; home CNAME www.weave.local; web.weave.local A 0.0.0.1; www.weave.local CNAME web.weave.local',
  )
  assert.equal(ask(zone, 'www', 'CNAME'), 'NOERROR; www CNAME web.weave.local')
  assert.equal(ask(zone, 'www.weave.local', 'AAAA'), 'NOERROR; www.weave.local CNAME web.weave.local')
  assert.equal(ask(zone, 'search.weave.local'), 'alias of example.org.')
  assert.equal(ask(zone, 'lost'), 'NOERROR; lost CNAME nowhere.weave.local')
  assert.match(ask(zone, 'ring'), /^NOERROR; ring CNAME/)
})

test('names have answers ready for each of their types and for all others, unless they are aliases', () => {
  const zone = zoneOf(
    'web.weave.local 1',
    'db.weave.local 2',
    'db.weave.local TXT hello',
    '_sip._udp.weave.local SRV 1 2 5060 db.weave.local',
    'www.weave.local CNAME web.weave.local',
    'far.example.org 3',
  )
  const ready = (name: string): string => {
    const found = zone.readyName(nameToKey(name) ?? '')
    if (found === undefined) return 'none'
    const counts = [...found.byType].map(
      ([
        type,
        {
          counts: [answers],
        },
      ]) => `${type}:${answers}`,
    )
    return [...counts.sort(), found.others === undefined ? 'ask' : 'empty'].join(' ')
  }
  assert.equal(ready('web.weave.local'), '1:1 empty')
  assert.equal(ready('db.weave.local'), '16:1 1:1 empty')
  assert.equal(ready('_sip._udp.weave.local'), '33:1 empty')
  assert.equal(ready('www.weave.local'), 'ask')
  assert.equal(ready('no.weave.local'), 'none')
  assert.equal(ready('far.example.org'), 'none', 'not in the domain, so never answered')
})

test('a wildcard, of addresses or by hand, keeps absent names from being known as such', () => {
  assert.equal(zoneOf('web.weave.local 1', 'a*.weave.local 2').hasWildcards, false)
  assert.equal(zoneOf('*.apps.weave.local 1').hasWildcards, true)
  assert.equal(zoneOf('*.weave.local CNAME web.weave.local').hasWildcards, true)
})
