import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Observation } from '../conformance/case.ts'
import { Differences } from '../conformance/differences.ts'
import { httpSinglePeer } from '../conformance/ipam/http.ts'
import { projectFile } from '../support/project.ts'
import { DaemonStage } from './ipam-daemon-stage.ts'

// Once more, in real time, against running daemons: what depends neither on chance (whom of two a third asks for space)
// nor on an engine that follows a script. The others are replayed in test/conformance only.

for (const [file, play] of [['ipam/http-single-peer.json', httpSinglePeer]] as const) {
  test(`${file} against running daemons gives what was recorded, or what differences.json says`, async (context) => {
    const vector = JSON.parse(readFileSync(projectFile(`test/vectors/${file}`), 'utf8')) as never
    const differences = Differences.load()
    const isRight = (observed: Observation): boolean => differences.isRight(file, observed)
    const failures: string[] = []
    let passed = 0
    for await (const observed of play(vector, await DaemonStage.up(), isRight)) {
      const verdict = differences.judge(file, observed)
      if (verdict.kind === 'failed') failures.push(`${observed.case}: ${verdict.why}`)
      if (verdict.kind === 'passed') passed++
    }
    for (const unused of differences.unused(file))
      failures.push(`listed difference did not come up: ${unused}`)
    assert.deepEqual(failures, [])
    context.diagnostic(`${passed} cases`)
  })
}
