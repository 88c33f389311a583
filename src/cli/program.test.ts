import assert from 'node:assert/strict'
import { test } from 'node:test'
import { splitAddresses, splitPlainAddresses } from './addresses.ts'
import { commandTable } from './command-table.ts'
import { printAddresses } from './commands/attach.ts'
import { doctorText } from './commands/doctor.ts'
import { completion } from './completion.ts'
import { CommandFailure, type Io, UsageFailure } from './io.ts'
import { man } from './man.ts'
import { Program, UnknownCommand } from './program.ts'

/** Nobody listens there: the answer is that of a host without Weave Net. */
function console(): { readonly io: Io; out: string; err: string } {
  const seen = {
    out: '',
    err: '',
    io: {
      environment: { WEAVE_HTTP_ADDR: '/nonexistent/weave.sock' },
      isTerminal: false,
      out: (text: string) => {
        seen.out += text
      },
      err: (text: string) => {
        seen.err += text
      },
    },
  }
  return seen
}

const run = (io: Io, ...words: readonly string[]): Promise<number> => new Program(io, words).run()

const unreachable: readonly (readonly [readonly string[], number])[] = [
  [['report'], 7],
  [['prime'], 7],
  [['connect', 'host2'], 7],
  [['forget', 'host2'], 7],
  [['expose'], 7],
  [['hide'], 7],
  [['status'], 1],
  [['status', 'peers'], 1],
  [['config'], 1],
  [['dns-add', '10.1.1.1', '-h', 'a.weave.local'], 1],
]

for (const [words, status] of unreachable) {
  test(`weave ${words.join(' ')} without a daemon fails with ${status} and says why`, async () => {
    const { io } = console()
    await assert.rejects(run(io, ...words), (thrown) => {
      assert(thrown instanceof CommandFailure)
      assert.equal(thrown.status, status)
      assert.equal(thrown.message, 'weave container is not present. Have you launched it?')
      return true
    })
  })
}

test('rmpeer says why on standard error and fails with 1', async () => {
  const seen = console()
  assert.equal(await run(seen.io, 'rmpeer', 'x'), 1)
  assert.equal(seen.err, 'weave container is not present. Have you launched it?\n')
})

test('weave status frames its page with empty lines even when nobody answers', async () => {
  const seen = console()
  await assert.rejects(run(seen.io, 'status'), CommandFailure)
  assert.equal(seen.out, '\n\n')
})

test('dns-args and dns-lookup fail silently with 7', async () => {
  const seen = console()
  assert.equal(await run(seen.io, 'dns-args'), 7)
  assert.equal(await run(seen.io, 'dns-lookup', 'x'), 7)
  assert.equal(seen.out + seen.err, '')
})

for (const words of [
  ['connect'],
  ['forget'],
  ['attach'],
  ['attach', 'a', 'b'],
  ['dns-add', '10.1.1.1'],
  ['dns-lookup'],
  ['report', 'x'],
  ['status', '--nope'],
  ['completion', 'fish'],
]) {
  test(`weave ${words.join(' ')} is wrong usage`, async () => {
    const { io } = console()
    const program = new Program(io, words)
    await assert.rejects(program.run(), UsageFailure)
    assert.match(program.usage(), /^Usage: weave /)
  })
}

test('an unknown command is named', async () => {
  await assert.rejects(run(console().io, 'bogus'), (thrown) => {
    assert(thrown instanceof UnknownCommand)
    assert.equal(thrown.message, "Unknown weave command 'bogus'")
    return true
  })
})

test('commands that went with 2.0 say so', async () => {
  await assert.rejects(
    run(console().io, 'run', 'x'),
    /^Error: The 'weave run' command has been removed as of Weave Net/,
  )
})

test('help is asked for and given on standard output with status 0', async () => {
  for (const words of [['help'], ['help', 'help'], ['--help'], ['help', 'attach'], ['launch', '--help']]) {
    const seen = console()
    assert.equal(await run(seen.io, ...words), 0, words.join(' '))
    assert.match(seen.out, /^Usage: weave /)
  }
})

test('a launch with a wrong flag fails before anything is touched', async () => {
  await assert.rejects(run(console().io, 'launch', '--bogus'), /flag provided but not defined: --bogus/)
  await assert.rejects(
    run(console().io, 'launch', '--ipalloc-range', '10.32.0.1/12'),
    /has bits set after its prefix/,
  )
})

test('leading words that look like addresses are split off', () => {
  const words = ['net:default', 'ip:10.1.2.3/24', 'net:10.2.0.0/16', '10.9.9.9/8', 'c1', '10.0.0.1/8']
  assert.deepEqual(splitAddresses(words), { addresses: words.slice(0, 4), rest: ['c1', '10.0.0.1/8'] })
  assert.deepEqual(splitPlainAddresses(['10.1.1.1', '999.1.1.1', 'c1']), {
    addresses: ['10.1.1.1', '999.1.1.1'],
    rest: ['c1'],
  })
})

test('addresses are printed without lengths on one line, nothing for none', () => {
  const seen = console()
  printAddresses(seen.io, '{"addresses":["10.2.0.1/16","10.9.1.1/24"]}')
  printAddresses(seen.io, '{"addresses":[]}')
  assert.equal(seen.out, '10.2.0.1 10.9.1.1\n')
})

test('findings tell what to do', () => {
  const finding = { id: 'x', title: 'TAP devices', without: 'no sleeve' }
  const text = doctorText(
    [
      { ...finding, group: 'kernel', outcome: { state: 'works', detail: 'fast' } },
      { ...finding, group: 'kernel', outcome: { state: 'missing', needs: 'CONFIG_TUN' } },
      {
        ...finding,
        group: 'network',
        outcome: { state: 'wrong', problem: 'it loops', advice: 'turn it off' },
      },
      { ...finding, group: 'network', outcome: { state: 'unknown', reason: 'not root' } },
    ],
    false,
  )
  assert.equal(
    text,
    `kernel
  ok       TAP devices (fast)
  missing  TAP devices
           needs CONFIG_TUN
           without it: no sleeve

network
  WRONG    TAP devices
           it loops
           turn it off
  unknown  TAP devices
           could not tell: not root
`,
  )
})

test('completion and manual page know every command that is shown', () => {
  const shown = commandTable.filter(({ hidden }) => hidden !== true)
  const seen = console()
  const { root } = new Program(seen.io, [])
  completion(seen.io, root, 'bash')
  completion(seen.io, root, 'zsh')
  man(seen.io, root, '1.2.3')
  for (const { name } of shown) {
    assert.equal(seen.out.split(`      ${name}) words=`).length, 2, `bash ${name}`)
    assert(seen.out.includes(`.B ${name.replaceAll('-', '\\-')}`), `man ${name}`)
  }
  assert.match(seen.out, /status\) words='targets connections peers dns ipam --help --json --watch'/)
})
