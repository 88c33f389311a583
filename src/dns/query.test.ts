import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keyText, parsed, queryBytes } from '../../test/support/dns-query.ts'
import { nameToKey } from './name.ts'
import { echoedFlags, parseQuery } from './query.ts'

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'))

const HEADER = '1234 0100 0001 0000 0000 0000'
const WEB = '03776562 00'

test('a query is read: id, flags, question with its end, EDNS', () => {
  const query = parsed(queryBytes('Web.Weave.LOCAL', 'AAAA', { id: 7, edns: 1232 }))
  assert.equal(query.id, 7)
  assert.equal(query.flags, 0x0100)
  assert.equal(keyText(query.question.name), 'web.weave.local.')
  assert.deepEqual([query.question.type, query.question.class, query.question.end], [28, 1, 33])
  assert.deepEqual([query.opt?.size, query.opt?.version, query.opt?.dnssecOk], [1232, 0, false])
})

test('EDNS options are read, and what goes past the record is malformed', () => {
  const opt = (options: string): Uint8Array => {
    const data = hex(options)
    const length = data.length.toString(16).padStart(4, '0')
    return hex(`1234 0100 0001 0000 0000 0001 ${WEB} 0001 0001 00 0029 04d0 0000 8000 ${length}${options}`)
  }
  const { opt: read } = parsed(opt('000a0002beef000c0000'))
  assert.deepEqual(
    read?.options.map(({ code, data }) => [code, Buffer.from(data).toString('hex')]),
    [
      [10, 'beef'],
      [12, ''],
    ],
  )
  assert.equal(read?.dnssecOk, true)
  for (const bad of ['000a', '000a0003beef', '000a00'])
    assert.equal(parseQuery(opt(bad)).kind, 'malformed', bad)
})

test('what is not a query is ignored: too short, or an answer', () => {
  assert.deepEqual(parseQuery(hex('12340100000100000000')), { kind: 'ignore' })
  assert.deepEqual(parseQuery(hex(`1234 8100 0001 0000 0000 0000 ${WEB} 0001 0001`)), { kind: 'ignore' })
})

test('malformed queries are told apart, with their id', () => {
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['a label past the end', `${HEADER} 05 6162`, /past the end/],
    ['a label of an unknown type', `${HEADER} 85 6162 00 0001 0001`, /unknown type/],
    ['no type and class', `${HEADER} ${WEB} 0001`, /question 1 goes past/],
    ['a pointer in the first question', `${HEADER} c004 0001 0001`, /compressed/],
    ['a cut pointer', `${HEADER} c0`, /pointer/],
    [
      'a name of more than 255 bytes',
      `${HEADER} ${'3f'.concat('61'.repeat(63)).repeat(4)} 00 0001 0001`,
      /longer than 255/,
    ],
    ['a record past the end', `1234 0100 0001 0001 0000 0000 ${WEB} 0001 0001 00 0001`, /record/],
    [
      'data past the end',
      `1234 0100 0001 0000 0000 0001 ${WEB} 0001 0001 00 0010 0001 00000000 0005 01`,
      /record/,
    ],
    [
      'two OPT records',
      `1234 0100 0001 0000 0000 0002 ${WEB} 0001 0001 ${'00 0029 04d0 00000000 0000'.repeat(2)}`,
      /more than one OPT/,
    ],
  ]
  for (const [what, bytes, reason] of cases) {
    const result = parseQuery(hex(bytes))
    assert.equal(result.kind, 'malformed', what)
    if (result.kind === 'malformed') {
      assert.equal(result.id, 0x1234)
      assert.match(result.reason, reason, what)
    }
  }
})

test('bytes behind a complete message are accepted, and so is a message without a question', () => {
  assert.equal(parseQuery(hex(`${HEADER} ${WEB} 0001 0001 dead`)).kind, 'query')
  const empty = parseQuery(hex('1234 0100 0000 0000 0000 0000'))
  assert.ok(empty.kind === 'query' && empty.query.question === undefined)
})

test('RD and CD are echoed for plain queries only, the opcode always', () => {
  assert.equal(echoedFlags(0x0130), 0x0110)
  assert.equal(echoedFlags(0x2110), 0x2000)
})

test('names become keys; text that is no name becomes none', () => {
  assert.equal(nameToKey('Web.Local'), nameToKey('web.local.'))
  assert.equal(nameToKey('web.local'), '\x03web\x05local\0')
  assert.equal(nameToKey('.'), '\0')
  for (const bad of ['', 'a..b', '..', `${'a'.repeat(64)}.b`, 'a.'.repeat(128)])
    assert.equal(nameToKey(bad), undefined, bad)
})
