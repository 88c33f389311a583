import { programOptions, wholeNumber } from '../../support/program-options.ts'
import { runLeaseLives } from './lease-lives.ts'
import { runLives } from './lives.ts'

/** `bash scripts/run.sh test/sim/ipam/main.ts --first 1 --seeds 20000 [--unannounced | --leases]`: lives of networks with allocators. */
const USAGE = 'usage: … [--first N] [--seeds N] [--unannounced | --leases]'
const { values } = programOptions(USAGE, {
  options: {
    first: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '100' },
    unannounced: { type: 'boolean', default: false },
    leases: { type: 'boolean', default: false },
  },
})
const STEP = 50
const first = wholeNumber(USAGE, '--first', values.first)
const seeds = wholeNumber(USAGE, '--seeds', values.seeds, 1)
const end = first + seeds
let broken = 0
let answered = 0
for (let seed = first; seed < end; seed += STEP) {
  const count = Math.min(STEP, end - seed)
  const { failed, answers } = values.leases
    ? runLeaseLives(seed, count)
    : runLives(seed, count, { unannounced: values.unannounced })
  broken += failed.length
  answered += answers
  for (const text of failed) console.log(text)
  console.error(
    `up to seed ${Math.min(seed + STEP, end) - 1}: ${answered} answers, ${broken} lives went wrong`,
  )
}
console.log(`${seeds} lives, ${answered} answers, ${broken} went wrong`)
process.exitCode = broken > 0 ? 1 : 0
