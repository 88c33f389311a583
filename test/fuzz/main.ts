import { programOptions, wholeNumber } from '../support/program-options.ts'
import { startCoverage } from './coverage.ts'
import { fuzzAll } from './fuzz.ts'

/**
 * `npm run fuzz -- [--inputs N] [--seed S] [--target TEXT] [--coverage]`: N inputs in all, spread over the targets;
 * with `--coverage` also what of the decoders they reached.
 */
const USAGE = 'usage: npm run fuzz -- [--inputs N] [--seed S] [--target TEXT] [--coverage]'
const { values } = programOptions(USAGE, {
  options: {
    inputs: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    target: { type: 'string', default: '' },
    coverage: { type: 'boolean', default: false },
  },
})

/** Whatever takes remote bytes on the control connection. */
const DECODERS =
  /src\/(gob\/\w|mesh\/(features|frame|framing|handshake|message|protocol-header|session|session-key|topology-message|topology-payload)\.|lib\/byte-queue|ipam\/gossip-codec|dns\/(answer|gossip-codec|name|query|record|record-codec|resolv-conf|tcp-frames|upstream-answer|upstream-request|wire)\.|overlay\/control)/

const report = values.coverage ? await startCoverage() : undefined
// Only what is loaded from here on is counted.
const { decoders } = await import('./decoders.ts')
const { sessions } = await import('./sessions.ts')
const { nodes } = await import('./node.ts')
const inputs = wholeNumber(USAGE, '--inputs', values.inputs, 1)
const seed = wholeNumber(USAGE, '--seed', values.seed)
const wanted = [...decoders, ...sessions, ...nodes].filter((target) => target.name.includes(values.target))

let total = 0
let failed = 0
const before = process.memoryUsage().rss
for (const result of fuzzAll(wanted, inputs, seed)) {
  total += result.inputs
  failed += result.failures.length
  const rate = Math.round(result.inputs / (result.milliseconds / 1000))
  const share = Math.round((100 * result.refused) / result.inputs)
  const mark = result.failures.length > 0 ? 'FAIL' : 'ok  '
  console.log(`${mark} ${result.name.padEnd(30)} ${result.inputs} inputs, ${share}% refused, ${rate}/s`)
  for (const failure of result.failures) console.log(`     ${failure.input}\n     ${failure.error}`)
}
const grown = Math.round((process.memoryUsage().rss - before) / 2 ** 20)
console.log(`${total} inputs, ${failed} failures, memory grew by ${grown} MB, seed ${values.seed}`)

if (report !== undefined) {
  const files = await report(DECODERS)
  for (const { file, branches, reached, missed } of files) {
    console.log(`${file.padEnd(32)} ${reached}/${branches} branches`)
    for (const code of missed) console.log(`     not reached: ${code}`)
  }
  const branches = files.reduce((sum, file) => sum + file.branches, 0)
  const reached = files.reduce((sum, file) => sum + file.reached, 0)
  console.log(`${((100 * reached) / branches).toFixed(1)}% of ${branches} branches`)
}
process.exitCode = failed > 0 ? 1 : 0
