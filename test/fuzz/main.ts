import { parseArgs } from 'node:util'
import { decoders } from './decoders.ts'
import { fuzzAll } from './fuzz.ts'
import { sessions } from './sessions.ts'

/** `npm run fuzz -- [--inputs N] [--seed S] [--target TEXT]`: N inputs in all, spread over the targets. */
const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    target: { type: 'string', default: '' },
  },
})

const wanted = [...decoders, ...sessions].filter((target) => target.name.includes(values.target))

let total = 0
let failed = 0
const before = process.memoryUsage().rss
for (const result of fuzzAll(wanted, Number(values.inputs), Number(values.seed))) {
  total += result.inputs
  failed += result.failures.length
  const rate = Math.round(result.inputs / (result.milliseconds / 1000))
  const share = Math.round((100 * result.refused) / result.inputs)
  console.log(
    `${result.failures.length > 0 ? 'FAIL' : 'ok  '} ${result.name.padEnd(30)} ${result.inputs} inputs, ${share}% refused, ${rate}/s`,
  )
  for (const failure of result.failures) console.log(`     ${failure.input}\n     ${failure.error}`)
}
const grown = Math.round((process.memoryUsage().rss - before) / 2 ** 20)
console.log(`${total} inputs, ${failed} failures, memory grew by ${grown} MB, seed ${values.seed}`)
process.exitCode = failed > 0 ? 1 : 0
