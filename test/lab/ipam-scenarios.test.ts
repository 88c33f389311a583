import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import type { Observation } from '../conformance/case.ts'
import { Differences } from '../conformance/differences.ts'
import { httpScenarios, httpSinglePeer } from '../conformance/ipam/http.ts'
import { projectFile } from '../support/project.ts'
import { DaemonStage } from './ipam-daemon-stage.ts'

// Once more, in real time, against running daemons: the scenarios of one and of three peers. The others need an engine
// that follows a script, they are replayed in test/conformance only.

/** A choice that daemons make by chance, here with even odds; what it leads to is recorded for one way only. */
interface Dice {
  readonly case: string
  /** What is seen when they fall the other way. */
  readonly other: unknown
}

const SCENARIOS = [
  { file: 'ipam/http-single-peer.json', play: httpSinglePeer, dice: undefined },
  {
    file: 'ipam/http-three-peers.json',
    play: httpScenarios,
    // Whom of the two with half of the ring each the third asks for space.
    dice: { case: '17: c POST /ip/y1', other: { status: 200, body: '10.32.0.160/24' } },
  },
] as const
/** Falling the other way so often in a row happens once in four thousand runs. */
const THROWS = 12

for (const { file, play, dice } of SCENARIOS) {
  test(`${file} against running daemons gives what was recorded, or what differences.json says`, async (context) => {
    const vector = JSON.parse(readFileSync(projectFile(`test/vectors/${file}`), 'utf8')) as never
    const differences = Differences.load()
    const isRight = (observed: Observation): boolean => differences.isRight(file, observed)
    for (let thrown = 1; ; thrown++) {
      const seen = await observe(play(vector, await DaemonStage.up(), isRight), dice)
      if (seen === undefined && thrown < THROWS) continue
      assert.ok(seen, `the dice fell the other way ${THROWS} times`)
      const verdicts = seen.map((observed) => ({ observed, verdict: differences.judge(file, observed) }))
      const failures = [
        ...verdicts.flatMap(({ observed, verdict }) =>
          verdict.kind === 'failed' ? [`${observed.case}: ${verdict.why}`] : [],
        ),
        ...differences.unused(file).map((unused) => `listed difference did not come up: ${unused}`),
      ]
      assert.deepEqual(failures, [])
      context.diagnostic(`${verdicts.filter(({ verdict }) => verdict.kind === 'passed').length} cases`)
      return
    }
  })
}

/** All observations, or undefined when the dice fell the other way. */
async function observe(
  replay: AsyncIterable<Observation>,
  dice: Dice | undefined,
): Promise<readonly Observation[] | undefined> {
  const seen: Observation[] = []
  for await (const observed of replay) {
    const actual = 'actual' in observed ? observed.actual : undefined
    if (observed.case === dice?.case && isDeepStrictEqual(actual, dice.other)) return undefined
    seen.push(observed)
  }
  return seen
}
