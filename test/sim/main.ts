import { parseArgs } from 'node:util'
import { simParts } from './parts.ts'
import { runScenario } from './scenario.ts'

/** `npm run sim -- --seed N --peers N`: one replayable history; with `--seeds N` that many seeds from the first on. */
const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    peers: { type: 'string' },
    minutes: { type: 'string', default: '20' },
    history: { type: 'boolean', default: false },
    'mesh-only': { type: 'boolean', default: false },
  },
})

const first = Number(values.seed)
const peers = values.peers === undefined ? undefined : Number(values.peers)
let failed = 0
for (let seed = first; seed < first + Number(values.seeds); seed++) {
  const began = process.cpuUsage()
  const outcome = runScenario({
    seed,
    peers,
    minutes: Number(values.minutes),
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
