import { readFileSync } from 'node:fs'
import { messageOf, WeaveError } from '../lib/errors.ts'

/** Where the configuration file is looked for unless `WEAVE_CONFIG` names another place. */
const DEFAULT_FILE = '/etc/weave/config.json'

/** The file's object; a missing default file is an empty one. Throws `WeaveError('configuration')`. */
export function readConfigFile(environment: Readonly<Record<string, string | undefined>>): {
  readonly name: string
  readonly content: Readonly<Record<string, unknown>>
} {
  const chosen = environment['WEAVE_CONFIG']
  const name = chosen === undefined || chosen === '' ? DEFAULT_FILE : chosen
  let text: string
  try {
    text = readFileSync(name, 'utf8')
  } catch (thrown) {
    const missing = (thrown as NodeJS.ErrnoException).code === 'ENOENT'
    if (missing && name === DEFAULT_FILE) return { name, content: {} }
    throw new WeaveError('configuration', `cannot read ${name}: ${messageOf(thrown)}`, { cause: thrown })
  }
  return { name, content: parseObject(name, text) }
}

function parseObject(name: string, text: string): Readonly<Record<string, unknown>> {
  if (text.trim() === '') return {}
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (thrown) {
    throw new WeaveError('configuration', `${name} is not JSON: ${messageOf(thrown)}`, { cause: thrown })
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
    return parsed as Readonly<Record<string, unknown>>
  }
  throw new WeaveError('configuration', `${name} holds no JSON object such as {"port": 6783}`)
}
