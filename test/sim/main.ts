import { duration, programOptions, wholeNumber } from '../support/program-options.ts'
import { simParts } from './parts.ts'
import { runScenario } from './scenario.ts'

/** `npm run sim -- --seed N --peers N`: one replayable history; with `--seeds N` that many seeds from the first on. */
const USAGE =
  'usage: npm run sim -- [--seed N] [--seeds N] [--peers N] [--minutes N] [--history] [--mesh-only]'
const { values } = programOptions(USAGE, {
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    peers: { type: 'string' },
    minutes: { type: 'string', default: '20' },
    history: { type: 'boolean', default: false },
    'mesh-only': { type: 'boolean', default: false },
  },
})

const first = wholeNumber(USAGE, '--seed', values.seed)
const count = wholeNumber(USAGE, '--seeds', values.seeds, 1)
const minutes = duration(USAGE, '--minutes', values.minutes)
const peers = values.peers === undefined ? undefined : wholeNumber(USAGE, '--peers', values.peers, 1)
let failed = 0
for (let seed = first; seed < first + count; seed++) {
  const began = process.cpuUsage()
  const outcome = runScenario({
    seed,
    peers,
    minutes,
    parts: values['mesh-only'] ? [] : simParts(),
  })
  const { user, system } = process.cpuUsage(began)
  const good = outcome.broken.length === 0
  if (!good) failed++
  if (!good || values.history) console.log(String(outcome.history))
  for (const text of outcome.broken) console.log(`BROKEN: ${text}`)
  console.log(
    `seed ${seed}: ${good ? 'ok' : 'FAILED'}, ${outcome.peers} peers (${outcome.oldPeers} old), ` +
      `${outcome.messages} messages, ${(outcome.bytes / 1e6).toFixed(2)} MB, ${((user + system) / 1e6).toFixed(1)} s CPU, agreed within ${outcome.slowest / 1000} s`,
  )
}
process.exitCode = failed > 0 ? 1 : 0
