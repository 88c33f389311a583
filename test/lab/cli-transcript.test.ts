import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { VERSION } from '../../src/lib/version.ts'
import { projectFile } from '../support/project.ts'
import { transcriptDifferences } from './cli-differences.ts'
import { Lab, type Outcome } from './lab.ts'

/** One command of the recording (vectors/cli), in its order: each stands on what those before did. */
interface Recorded {
  readonly cmd: string
  readonly rc: number | string
  readonly stdout: string
  readonly stderr: string
}

const transcript = JSON.parse(
  readFileSync(projectFile('test/vectors/cli/transcript-original-2.8.json'), 'utf8'),
) as readonly Recorded[]

/** About containers of the original itself, or Docker's business alone; `launch-router` works here, and usages are ours. */
const NOT_OURS = /^docker (?:ps|logs|inspect)|^docker rm -f w1|^weave launch-router|attach --bogus/

let lab: Lab

before(async () => {
  lab = await Lab.up({ hosts: 1 })
  // It ran before the recording began.
  await lab.docker(1, 'run', '-dti', '--name=c1', '-h', 'c1.weave.local', 'busybox', '/bin/sh')
})

after(() => lab?.down())

for (const [index, recorded] of transcript.entries()) {
  const { cmd } = recorded
  if (NOT_OURS.test(cmd)) continue
  test(`${index}: ${cmd.slice(0, 90)}`, async () => {
    const ours = normal(cmd, await run(cmd))
    const original = normal(cmd, {
      status: Number(recorded.rc),
      stdout: recorded.stdout,
      stderr: recorded.stderr,
    })
    const difference = transcriptDifferences.get(index)
    if (difference === undefined) {
      assert.deepEqual(ours, original)
      return
    }
    assert.equal(cmd, difference.cmd)
    assert.notDeepEqual(ours, original, `no longer differs: ${difference.reason}`)
    assert.deepEqual(ours, difference.result)
  })
}

/** `weave` is ours, `docker` the host's, images are those of the lab. */
function run(cmd: string): Promise<Outcome> {
  const line = cmd
    .replace('docker start weave', 'weave launch --resume >/dev/null && echo weave')
    .replace('--net=host alpine', '--net=host busybox')
    .replaceAll(' alpine ', ' busybox ')
  const weave = `weave() { ${projectFile('bin/weave')} "$@"; }; unset ORIG_DOCKER_HOST`
  // In the recording a variable before a function call counts for the call.
  return lab.try(1, ['bash', '-c', `${weave}; ${line}`], 60_000)
}

/** Takes out what no two runs have in common. */
function normal(cmd: string, { status, stdout, stderr }: Outcome): Outcome {
  const sortsLines = /dns-lookup|status (?:dns|targets|connections)/.test(cmd)
  const clean = (text: string): string => {
    const plain = text
      .replaceAll(VERSION, '2.8.1')
      .replace(/weave script \S+/g, 'weave script VERSION')
      .replace(/Usage:[\s\S]*$/, 'USAGE')
      .replace(/[0-9a-f]{64}/g, 'ID64')
      .replace(/\b[0-9a-f]{12}\b/g, 'ID12')
      .replace(/\b(?!00:00)[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b/g, 'MAC')
      .replace(/retrying( +dial[^\n]* unreachable) \n/g, 'failed  $1, retry: TIME \n')
      .replace(/retry: \d{4}-[^\n]*? m=\+[\d.]+ ?/g, 'retry: TIME ')
      .replace(/Upstream: [\d.]+/g, 'Upstream: SERVER')
      .replace(/lookup (\S+) on [\d.:]+:/g, 'lookup $1:')
      .replace(/\n {8}Service: proxy\n(?: *\w+: [^\n]*\n)*/g, '')
    return sortsLines ? plain.split('\n').sort().join('\n') : plain
  }
  return { status, stdout: clean(stdout), stderr: clean(stderr) }
}
