import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { projectFile } from '../../test/support/project.ts'
import { ApiServer } from '../api/server.ts'
import { silentLog } from '../lib/log.ts'
import { VERSION } from '../lib/version.ts'
import { commandTable } from './command-table.ts'
import { cannedRoutes } from './golden-daemon.ts'
import type { Io } from './io.ts'
import { runCommand } from './run.ts'

/**
 * What each command prints, as a user without a terminal sees it: a transcript for each in `test/golden`. With
 * UPDATE_GOLDEN=1 they are written anew.
 */

/** Words of a command, said to a daemon (`up`) or to nobody (`down`). */
type Case = readonly [daemon: 'up' | 'down', ...words: readonly string[]]

const up = (line: string): Case => ['up', ...line.split(' ')]
const down = (line: string): Case => ['down', ...line.split(' ')]

/** Beside `weave help COMMAND` and an option that no command has. */
const cases: Readonly<Record<string, readonly Case[]>> = {
  launch: [down('launch --ipalloc-range 10.32.0.1/12'), down('launch --mtu much')],
  'launch-router': [down('launch-router --bogus')],
  'launch-plugin': [down('launch-plugin --bogus')],
  'install-service': [down('install-service --mtu much')],
  stop: [down('stop now')],
  reset: [down('reset now')],
  setup: [down('setup')],
  'setup-cni': [down('setup-cni')],
  version: [
    up('version'),
    up('version --json'),
    down('version'),
    down('version --json'),
    down('--local version'),
  ],
  completion: [down('completion fish'), down('completion')],
  connect: [up('connect host2'), up('connect no.such.host'), down('connect host2'), down('connect')],
  forget: [up('forget host2'), down('forget host2'), down('forget')],
  prime: [up('prime'), down('prime')],
  rmpeer: [up('rmpeer host3 host2'), down('rmpeer host3'), down('rmpeer')],
  attach: [
    up('attach web'),
    up('attach net:10.40.0.0/24 10.32.9.9/12 web'),
    up('attach nosuch'),
    down('attach web'),
    down('attach'),
    down('attach one two'),
    up('attach 10.32.0.9 web'),
    up('attach net:10.40.0.0 web'),
  ],
  detach: [up('detach web'), up('detach nosuch'), down('detach web')],
  ps: [up('ps'), up('ps web'), up('ps --json')],
  expose: [
    up('expose'),
    up('expose net:10.99.0.0/24'),
    down('expose'),
    up('expose 10.32.0.9'),
    up('expose net:default/12'),
  ],
  hide: [up('hide 10.32.0.9/12'), down('hide')],
  env: [up('env'), down('env'), down('env --restore')],
  config: [up('config'), down('config')],
  'dns-args': [up('dns-args'), down('dns-args')],
  'dns-add': [
    up('dns-add web'),
    up('dns-add nosuch -h a.weave.local'),
    down('dns-add 10.32.0.5 -h a.weave.local'),
    down('dns-add 10.32.0.5'),
  ],
  'dns-remove': [up('dns-remove web'), down('dns-remove web'), down('dns-remove')],
  'dns-lookup': [down('dns-lookup web'), down('dns-lookup')],
  status: [
    ...['', ' targets', ' connections', ' peers', ' dns', ' ipam', ' nosuch'].map((page) =>
      up(`status${page}`),
    ),
    ...[' targets', ' connections', ' peers', ' dns', ' ipam'].map((page) => up(`status${page} --json`)),
    down('status'),
    down('status peers'),
    down('status --json'),
  ],
  report: [
    ['up', 'report', '-f', '{{.Version}}: {{range .Router.Peers}}{{.Name}} {{end}}'],
    ['up', 'report', '-f', '{{json .Router.Targets}}'],
    up('report -f {{.Nope}}'),
    up('report -f {{.Version}}{{.Nope}}'),
    up('report -f {{.Version'),
    down('report'),
    down('report -f'),
    down('report this'),
  ],
  ipam: [
    up('ipam'),
    up('ipam --json'),
    up('ipam adopt --dry-run seven'),
    up('ipam adopt seven'),
    up('ipam adopt seven --json'),
    up('ipam adopt five'),
    up('ipam --dry-run'),
    up('ipam adopt'),
    up('ipam leave seven'),
    down('ipam'),
  ],
  'docker-bridge-ip': [down('docker-bridge-ip')],
  'bridge-type': [down('bridge-type now')],
  doctor: [down('doctor now')],
  logs: [down('logs now')],
  man: [down('man')],
}

const others: readonly Case[] = [
  ['down'],
  down('help'),
  down('--help'),
  down('nosuch'),
  down('lauch host2'),
  down('help nosuch'),
  down('run'),
  down('stop-proxy'),
]

let directory: string
let server: ApiServer
let socket: string

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'weave-golden-'))
  socket = join(directory, 'control.sock')
  server = new ApiServer({ log: silentLog }, { kind: 'unix', path: socket }, cannedRoutes())
  await server.start()
})

after(async () => {
  await server.stop()
  rmSync(directory, { recursive: true, force: true })
})

/** The command as it is typed, what it prints (`2>` before lines of standard error), and its status unless 0. */
async function transcript([daemon, ...words]: Case): Promise<string> {
  const lines: string[] = []
  const collect = (mark: string) => (text: string) => {
    const shown = text.endsWith('\n') ? text.slice(0, -1) : `${text}⏎`
    lines.push(...shown.split('\n').map((line) => `${mark}${line}`))
  }
  const io: Io = {
    environment: {
      WEAVE_HTTP_ADDR: daemon === 'up' ? socket : join(directory, 'nobody.sock'),
      DOCKER_BRIDGE: 'nosuch0',
    },
    isTerminal: false,
    out: (text) => {
      if (text !== '') collect('')(text)
    },
    err: collect('2> '),
  }
  const status = await runCommand(io, words)
  const typed = words.map((word) => (/[{} ]/.test(word) ? `'${word}'` : word)).join(' ')
  const note = daemon === 'up' ? '' : '   # no daemon'
  const end = status === 0 ? [] : [`[exit status ${status}]`]
  const text = [`$ weave${typed === '' ? '' : ` ${typed}`}${note}`, ...lines, ...end].join('\n')
  return text.replaceAll(VERSION, 'VERSION')
}

const fileOf = (name: string): string => projectFile('test/golden', `${name}.txt`)

async function compare(name: string, list: readonly Case[]): Promise<string> {
  const parts: string[] = []
  for (const each of list) parts.push(await transcript(each))
  const text = `${parts.join('\n\n')}\n`
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(projectFile('test/golden'), { recursive: true })
    writeFileSync(fileOf(name), text)
  }
  assert.equal(text, existsSync(fileOf(name)) ? readFileSync(fileOf(name), 'utf8') : '')
  return text
}

for (const { name } of commandTable) {
  test(`weave ${name} prints what it did, and its help fits on 80 columns`, async () => {
    const list = cases[name]
    assert(list !== undefined, 'every command has a transcript')
    await compare(name, [down(`help ${name}`), down(`${name} --no-such-option`), ...list])
    const help = await transcript(down(`help ${name}`))
    for (const line of help.split('\n').slice(1)) assert(line.length <= 80, line)
  })
}

test('weave by itself, its help, and words that are no command', async () => {
  const text = await compare('weave', others)
  for (const line of text.split('\n')) assert(line.replace(/^2> /, '').length <= 80, line)
})

test('no transcript is left of a command that has gone', () => {
  const known = new Set([...commandTable.map(({ name }) => `${name}.txt`), 'weave.txt'])
  assert.deepEqual(
    readdirSync(projectFile('test/golden')).filter((file) => !known.has(file)),
    [],
  )
})

/** What programs read: each of these as JSON. */
const asJson: readonly (readonly string[])[] = [
  ...commandTable.flatMap(({ name, options = [] }) =>
    options.some(([flags]) => flags === '--json') && name !== 'doctor' ? [[name, '--json']] : [],
  ),
  ...['targets', 'connections', 'peers', 'dns', 'ipam'].map((page) => ['status', page, '--json']),
  ['report'],
]

for (const words of asJson) {
  test(`weave ${words.join(' ')} prints JSON and nothing else`, async () => {
    let out = ''
    const io: Io = {
      environment: { WEAVE_HTTP_ADDR: socket },
      isTerminal: false,
      out: (text) => {
        out += text
      },
      err: (text) => assert.fail(text),
    }
    assert.equal(await runCommand(io, words), 0)
    assert.notEqual(JSON.parse(out), null)
  })
}

test('whatever shows state has --json', () => {
  const without = commandTable
    .filter(({ section, hidden }) => section === 'Watching' && hidden !== true)
    .filter(({ options = [] }) => !options.some(([flags]) => flags === '--json'))
    .map(({ name }) => name)
  // The report is JSON, the log is text.
  assert.deepEqual(without, ['report', 'logs'])
})
