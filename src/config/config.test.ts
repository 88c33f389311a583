import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { projectFile } from '../../test/support/project.ts'
import { WeaveError } from '../lib/errors.ts'
import { parseFlags } from './flags.ts'
import { loadConfig, passOn, takeOver } from './load.ts'
import { optionsMarkdown } from './markdown.ts'
import { environmentName } from './option.ts'
import { optionRows, options } from './options.ts'
import { resolveConfig, type Sources } from './resolve.ts'

const none: Sources = { flags: new Map(), environment: {}, file: {}, fileName: 'config.json' }

const refusal = (act: () => unknown): string => {
  try {
    act()
  } catch (thrown) {
    assert(thrown instanceof WeaveError, String(thrown))
    return thrown.message
  }
  return assert.fail('nothing was thrown')
}

test('flags win over environment, environment over file, file over defaults', () => {
  const file = { port: 1001 }
  const environment = { WEAVE_PORT: '1002' }
  const flags = parseFlags(['--port', '1003']).given

  assert.equal(resolveConfig(none).port, 6783)
  assert.equal(resolveConfig({ ...none, file }).port, 1001)
  assert.equal(resolveConfig({ ...none, file, environment }).port, 1002)
  assert.equal(resolveConfig({ ...none, file, environment, flags }).port, 1003)
})

test('every spelling of a flag that the old daemon took is taken', () => {
  const port = (...argv: string[]): unknown => parseFlags(argv).given.get('port')
  assert.equal(port('--port', '1'), '1')
  assert.equal(port('--port=1'), '1')
  assert.equal(port('-port', '1'), '1')
  assert.equal(port('--port="1"'), '1')
  assert.equal(port('--port', '1', '--port', '2'), '2')
  assert.equal(parseFlags(['--iprange', '10.0.0.0/8']).given.get('ipallocRange'), '10.0.0.0/8')
  assert.equal(parseFlags(['--ipalloc-range', '']).given.get('ipallocRange'), '')
})

test('a switch never eats the word that follows it', () => {
  const { given, words } = parseFlags(['--no-dns', 'true', '--plugin=false', 'host2'])
  assert.equal(given.get('noDns'), 'true')
  assert.equal(given.get('plugin'), 'false')
  assert.deepEqual(words, ['true', 'host2'])
})

test('flags may follow peers, and two dashes end them', () => {
  assert.deepEqual(parseFlags(['host1', '--resume', '--', '--no-dns']).words, ['host1', '--no-dns'])
})

test('an unknown flag is a usage error with the text of the old daemon', () => {
  assert.equal(
    refusal(() => parseFlags(['--bogus-flag'])),
    'flag provided but not defined: --bogus-flag',
  )
  assert.equal(
    refusal(() => parseFlags(['--port'])),
    'flag needs an argument: --port',
  )
})

test('flags of old releases without meaning here are noted, those that would change the outcome refused', () => {
  assert.deepEqual(parseFlags(['--proxy=false', '--token', 'x']).notes, [
    '--token has no effect: Weave Cloud no longer exists',
  ])
  assert.match(
    refusal(() => parseFlags(['--awsvpc'])),
    /^--awsvpc cannot be used: /,
  )
})

const refused: readonly (readonly [string, Partial<Sources>, RegExp])[] = [
  [
    'a port that is no number',
    { environment: { WEAVE_PORT: 'x' } },
    /^environment variable WEAVE_PORT: must be a whole number from 1 to 65534$/,
  ],
  [
    'a port beyond the last',
    { file: { port: 70_000 } },
    /^config.json: "port": must be a whole number from 1 to/,
  ],
  [
    'a range with host bits',
    { flags: new Map([['ipallocRange', '10.32.0.1/12']]) },
    /^--ipalloc-range: 10.32.0.1\/12 has bits set after its prefix; the subnet of that length is 10.32.0.0\/12$/,
  ],
  [
    'a range that is none',
    { flags: new Map([['ipallocRange', 'banana']]) },
    /^--ipalloc-range: "banana" is not a subnet/,
  ],
  ['a tiny range', { flags: new Map([['ipallocRange', '10.0.0.0/31']]) }, /smaller than 4 addresses$/],
  [
    'a default subnet outside the range',
    { flags: new Map([['ipallocDefaultSubnet', '10.0.0.0/24']]) },
    /^--ipalloc-default-subnet: 10.0.0.0\/24 is not in the range 10.32.0.0\/12$/,
  ],
  [
    'an initial mode without a range',
    {
      flags: new Map([
        ['ipallocRange', ''],
        ['ipallocInit', 'observer'],
      ]),
    },
    /^--ipalloc-init needs a range/,
  ],
  [
    'an unknown initial mode',
    { flags: new Map([['ipallocInit', 'magic']]) },
    /^--ipalloc-init: "magic" is none of/,
  ],
  [
    'an unknown log level',
    { flags: new Map([['logLevel', 'loud']]) },
    /^--log-level: "loud" is none of debug/,
  ],
  ['a setting that does not exist', { file: { prot: 1 } }, /^config.json: there is no setting "prot"$/],
  [
    'a truth value that is none',
    { flags: new Map([['plugin', 'maybe']]) },
    /^--plugin: "maybe" is neither true nor/,
  ],
  [
    'a relative socket path',
    { flags: new Map([['httpAddr', 'localhost']]) },
    /^--http-addr: "localhost" is neither/,
  ],
]

for (const [name, sources, message] of refused) {
  test(`refused with one line: ${name}`, () => {
    assert.match(
      refusal(() => resolveConfig({ ...none, ...sources })),
      message,
    )
  })
}

test('WEAVE_NO_FASTDP means yes as soon as it is not empty', () => {
  assert.equal(resolveConfig({ ...none, environment: { WEAVE_NO_FASTDP: '0' } }).noFastdp, true)
  assert.equal(resolveConfig({ ...none, environment: { WEAVE_NO_FASTDP: '' } }).noFastdp, false)
})

test('the domain gets its final dot', () => {
  assert.equal(resolveConfig({ ...none, flags: new Map([['dnsDomain', 'foo.bar']]) }).dnsDomain, 'foo.bar.')
})

test('durations are read as Go writes them', () => {
  const timeout = (text: string): number =>
    resolveConfig({ ...none, flags: new Map([['dnsFallbackTimeout', text]]) }).dnsFallbackTimeout
  assert.deepEqual(['5s', '1m30s', '250ms', '0', '1.5s'].map(timeout), [5000, 90_000, 250, 0, 1500])
})

test('a configuration passed on arrives as it was, with secrets off the command line', () => {
  const { config } = loadConfig(
    [
      '--password',
      'top secret',
      '--trusted-subnets',
      '10.1.0.0/16,10.2.0.0/16',
      '--plugin=false',
      '--ipalloc-range=',
      '--ipalloc-lease-time=1m30s',
    ],
    { WEAVE_CONFIG: '/dev/null', WEAVE_PORT: '7000' },
  )
  const passed = passOn(config, ['host1', '--odd'])
  assert(!passed.argv.join(' ').includes('secret'))
  const arrived = takeOver(passed.argv, { ...passed.environment, WEAVE_PORT: '1' })
  assert.deepEqual(arrived.config, config)
  assert.deepEqual(arrived.peers, ['host1', '--odd'])
})

test('every row has a name, a flag and a variable of its own, and a default that its own schema accepts', () => {
  const rows = optionRows.map(([, option]) => option)
  const flags = rows.flatMap((option) => [option.flag, ...(option.aliases ?? [])])
  assert.equal(new Set(flags).size, flags.length)
  assert.equal(new Set(rows.map(environmentName)).size, rows.length)
  for (const option of rows) assert.equal(option.schema.safeParse(option.fallback).success, true, option.flag)
  assert.equal(options.port.fallback, 6783)
})

test('docs/options.md is what the table gives', () => {
  assert.equal(readFileSync(projectFile('docs/options.md'), 'utf8'), optionsMarkdown())
})

test('an empty password is refused: who gives one wants encryption', () => {
  assert.match(
    refusal(() => resolveConfig({ ...none, flags: new Map([['password', '']]) })),
    /^--password is given but empty/,
  )
})
