import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { eventually } from '../../test/support/eventually.ts'
import { projectFile } from '../../test/support/project.ts'

const supervisor = projectFile('native/build/out/weave-supervisor')
const directory = mkdtempSync(join(tmpdir(), 'weave-supervisor-'))
const running = new Set<number>()

after(() => {
  for (const pid of running) if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL')
  rmSync(directory, { recursive: true, force: true })
})

interface Supervised {
  readonly pid: number
  readonly log: () => string
  /** Process ids that the program printed, in order. */
  readonly starts: () => readonly number[]
  readonly again: () => number | null
}

let count = 0

/** Starts `script` (sh) under a supervisor of its own. */
async function supervise(script: string, ...flags: readonly string[]): Promise<Supervised> {
  const base = join(directory, String(count++))
  const program = `${base}.sh`
  writeFileSync(program, `echo started $$\n${script}\n`)
  const command = ['--pid-file', `${base}.pid`, '--log-file', `${base}.log`, ...flags, '--', 'sh', program]
  const spawned = spawnSync(supervisor, command, { encoding: 'utf8' })
  assert.equal(spawned.status, 0, spawned.stderr)
  const pid = await eventually('the pid file is filled', () => {
    const text = readFileSync(`${base}.pid`, 'utf8')
    return text.endsWith('\n') ? Number(text) : undefined
  })
  running.add(pid)
  const log = (): string => (existsSync(`${base}.log`) ? readFileSync(`${base}.log`, 'utf8') : '')
  return {
    pid,
    log,
    starts: () => [...log().matchAll(/^started (\d+)$/gm)].map(([, text]) => Number(text)),
    again: () => spawnSync(supervisor, command).status,
  }
}

const gone = (pid: number): Promise<unknown> =>
  eventually(`${pid} is gone`, () => !existsSync(`/proc/${pid}`))

const FOREVER = 'trap "exit 0" TERM; while :; do sleep 1000 & wait; done'

test('a killed program is back within a second, and the log says what happened', async () => {
  const { pid, starts, log } = await supervise(FOREVER)
  const [first = 0] = await eventually('it starts', () => starts().length === 1 && starts())
  const before = performance.now()
  process.kill(first, 'SIGKILL')
  await eventually('it starts again', () => starts().length === 2)
  assert(performance.now() - before < 1000)
  assert.match(log(), new RegExp(`ERRO: .*\\[supervisor\\] weave \\(pid ${first}\\) was killed by signal 9`))
  process.kill(pid, 'SIGTERM')
  await gone(pid)
})

test('SIGTERM ends program and supervisor for good', async () => {
  const { pid, starts, log } = await supervise(FOREVER)
  const [child = 0] = await eventually('it starts', () => starts().length === 1 && starts())
  process.kill(pid, 'SIGTERM')
  await gone(pid)
  assert(!existsSync(`/proc/${child}`))
  assert.equal(starts().length, 1)
  assert.match(log(), /INFO: .* ended with status 0/)
})

test('a program that cannot live is tried again with growing pauses', async () => {
  const { pid, log } = await supervise('echo at $(date +%s%3N)\nexit 3')
  const times = await eventually('it was tried five times', () => {
    const found = [...log().matchAll(/^at (\d+)$/gm)].map(([, text]) => Number(text))
    return found.length >= 5 && found
  })
  const pauses = times.slice(1).map((time, i) => time - (times[i] ?? 0))
  for (const [i, least] of [0, 100, 200, 400].entries())
    assert((pauses[i] ?? 0) >= least, `pause ${i}: ${pauses[i]}`)
  process.kill(pid, 'SIGTERM')
  await gone(pid)
})

test('without restart the supervisor ends with the program', async () => {
  // Not before its pid was read: the file is emptied at the end.
  const { pid } = await supervise('until [ -e "$0.go" ]; do sleep 0.01; done', '--no-restart')
  writeFileSync(join(directory, `${count - 1}.sh.go`), '')
  await gone(pid)
})

test('a second supervisor for the same pid file gives up with status 3', async () => {
  const { pid, again } = await supervise(FOREVER)
  assert.equal(again(), 3)
  process.kill(pid, 'SIGTERM')
  await gone(pid)
})

test('a killed supervisor takes the program along', async () => {
  const { pid, starts } = await supervise(FOREVER)
  const [child = 0] = await eventually('it starts', () => starts().length === 1 && starts())
  process.kill(pid, 'SIGKILL')
  await gone(child)
})

test('the log is cut at its size and old ones are kept', async () => {
  const line = 'x'.repeat(99)
  const { pid } = await supervise(
    `i=0; while [ $i -lt 60 ]; do echo ${line}; i=$((i+1)); sleep 0.005; done; ${FOREVER}`,
    ...['--log-max-bytes', '2048', '--log-keep', '2'],
  )
  const base = join(directory, String(count - 1))
  await eventually('it was cut twice', () => existsSync(`${base}.log.2`))
  await eventually('all is written', () => readFileSync(`${base}.log`, 'utf8').length > 0)
  assert(!existsSync(`${base}.log.3`))
  for (const suffix of ['', '.1', '.2']) assert(readFileSync(`${base}.log${suffix}`).length <= 2048 + 100)
  process.kill(pid, 'SIGTERM')
  await gone(pid)
})

test('a program that does not exist is said in the log', async () => {
  const base = join(directory, 'missing')
  spawnSync(supervisor, [
    '--pid-file',
    `${base}.pid`,
    '--log-file',
    `${base}.log`,
    '--no-restart',
    '--',
    '/no/such',
  ])
  await eventually(
    'the log says so',
    () =>
      existsSync(`${base}.log`) &&
      readFileSync(`${base}.log`, 'utf8').includes('cannot run /no/such: No such file'),
  )
})
