import { isDeepStrictEqual } from 'node:util'
import { WeaveError } from '../lib/errors.ts'
import { readConfigFile } from './file.ts'
import { type ParsedFlags, parseFlags } from './flags.ts'
import { oldVariables } from './old-flags.ts'
import { environmentName } from './option.ts'
import { type Config, optionRows } from './options.ts'
import { resolveConfig } from './resolve.ts'
import { duration } from './values.ts'

/** A launch as the user asked for it. */
export interface LoadedConfig {
  readonly config: Config
  readonly peers: readonly string[]
  readonly notes: readonly string[]
}

type Environment = Readonly<Record<string, string | undefined>>

/** Reads command line, environment and file. Throws `WeaveError` with one line that names the culprit. */
export function loadConfig(argv: readonly string[], environment: Environment): LoadedConfig {
  const parsed: ParsedFlags = parseFlags(argv)
  const file = readConfigFile(environment)
  const config = resolveConfig({
    flags: parsed.given,
    environment,
    file: file.content,
    fileName: file.name,
  })
  return { config, peers: parsed.words, notes: [...parsed.notes, ...variableNotes(environment)] }
}

/** What became of variables of old releases; throws for those without which the outcome is another one. */
function variableNotes(environment: Environment): readonly string[] {
  return [...oldVariables].flatMap(([name, { refuse, advice }]) => {
    if (!environment[name]) return []
    if (refuse) throw new WeaveError('configuration', `environment variable ${name}: ${advice}`)
    return [`environment variable ${name} has no effect: ${advice}`]
  })
}

/** How one process hands its configuration to another. */
export interface PassedOn {
  readonly argv: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

/** What `takeOver` makes the same configuration of. Secrets go by environment: `ps` shows command lines. */
export function passOn(config: Config, peers: readonly string[]): PassedOn {
  const argv: string[] = []
  const environment: Record<string, string> = {}
  for (const [key, option] of optionRows) {
    const value = config[key]
    if (isDeepStrictEqual(value, option.fallback)) continue
    if (option.secret === true) environment[environmentName(option)] = String(value)
    else
      argv.push(
        `--${option.flag}=${Array.isArray(value) ? value.join(',') : value}${option.schema === duration ? 'ms' : ''}`,
      )
  }
  return { argv: [...argv, '--', ...peers], environment }
}

/** The receiving end of `passOn`: neither the environment nor the file is asked again, except for secrets. */
export function takeOver(argv: readonly string[], environment: Environment): LoadedConfig {
  const parsed = parseFlags(argv)
  const secrets = optionRows.filter(([, option]) => option.secret === true)
  const config = resolveConfig({
    flags: parsed.given,
    environment: Object.fromEntries(
      secrets.map(([, option]) => [environmentName(option), environment[environmentName(option)]]),
    ),
    file: {},
    fileName: '',
  })
  return { config, peers: parsed.words, notes: parsed.notes }
}
