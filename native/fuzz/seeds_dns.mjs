// Writes the recorded queries, and some for the names of the target, as first inputs: node seeds_dns.mjs VECTOR CORPUS
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const [vector, corpus] = process.argv.slice(2)
mkdirSync(corpus, { recursive: true })
let written = 0
const seed = (bytes) => writeFileSync(join(corpus, `seed-${written++}`), bytes)

for (const { query } of JSON.parse(readFileSync(vector, 'utf8')).steps) {
  if (query !== undefined) seed(Buffer.from(query, 'hex'))
}
seed(Buffer.alloc(4097))
for (const label of ['web', 'WeB', 'many', 'org', 'www', 'none']) {
  for (const type of [1, 28]) {
    for (const opt of ['', '0000291000000000000000', '0000291000000080000000']) {
      const name = `${label.length.toString(16).padStart(2, '0')}${Buffer.from(label).toString('hex')}00`
      for (const id of ['0000', '0100', '0200']) {
        const header = `${id}010000010000000000${opt === '' ? '00' : '01'}`
        seed(Buffer.from(`${header}${name}${type.toString(16).padStart(4, '0')}0001${opt}`, 'hex'))
      }
    }
  }
}
