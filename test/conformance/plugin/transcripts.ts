import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { projectFile } from '../../support/project.ts'
import type { Observation, Runners } from '../case.ts'
import { type RecordedCall, World } from './world.ts'

interface Transcript {
  readonly steps: readonly unknown[]
  readonly calls?: readonly RecordedCall[]
}

/** Scenarios that were recorded one after the other on the same hosts: each starts where the one before ended. */
const sets = ['0', '1', '3', '4']

/** In this one the bridge has an address in the default subnet. */
const collidingFile = '16-exposed-bridge-loop.json'
const collision = '10.32.0.0/12 overlaps with existing route 10.32.0.0/12 on host'

async function* replay(transcript: Transcript, path: string): AsyncGenerator<Observation> {
  const file = basename(path)
  const world = await World.start({
    seed: setOf(file) === '3' ? 'host2' : 'host1',
    // The managed plugin was set to hand it out.
    multicastDefault: setOf(file) === '4',
  })
  try {
    for (const earlier of filesBefore(path)) {
      for (const call of callsOf(earlier)) await world.call(call)
    }
    if (file === collidingFile) for (const host of ['host1', 'host2']) world.collide(host, collision)

    let index = 0
    for (const call of transcript.calls ?? []) {
      index++
      if (call.status === undefined) continue
      const { status, response } = await world.call(call)
      yield {
        case: `${index} ${call.host} ${call.path.slice(1)}`,
        expected: { status: call.status, response: comparable(call.response) },
        actual: { status, response: comparable(response) },
      }
    }
  } finally {
    await world.stop()
  }
  const commands = `${transcript.steps.length} commands`
  yield { case: commands, notRun: 'need hosts with dockerd: test/lab/plugin*.test.ts' }
}

/** MAC addresses are chance; what matters is whether there is one. */
function comparable(response: unknown): unknown {
  return JSON.parse(
    JSON.stringify(response ?? null, (key, value) => (key === 'MacAddress' && value !== '' ? 'some' : value)),
  )
}

function filesBefore(path: string): string[] {
  const directory = dirname(path)
  const file = basename(path)
  const sameSet = (name: string): boolean => setOf(name) === setOf(file) && name < file && /^\d\d-/.test(name)
  return readdirSync(directory)
    .filter(sameSet)
    .sort()
    .map((name) => join(directory, name))
}

function setOf(file: string): string {
  // 01 to 16 are one set; 49 is one of its own.
  if (file.startsWith('49')) return '49'
  const tens = file.slice(0, 1)
  return tens === '1' ? '0' : sets.includes(tens) ? tens : file
}

const callsOf = (path: string): readonly RecordedCall[] =>
  (JSON.parse(readFileSync(path, 'utf8')) as Transcript).calls?.filter((call) => call.status !== undefined) ??
  []

const files = readdirSync(projectFile('test/vectors/plugin')).filter((name) => /^\d\d-/.test(name))

export const pluginRunners: Runners = Object.fromEntries(files.map((name) => [`plugin/${name}`, replay]))
