import type { z } from 'zod'
import { WeaveError } from '../lib/errors.ts'
import { cidrRange, parseCidr, rangesOverlap } from '../lib/ip4.ts'
import { environmentName, type Option } from './option.ts'
import { type Config, type OptionKey, optionRows, options } from './options.ts'

/** Where values come from, strongest first: what was typed, the environment, the configuration file. */
export interface Sources {
  readonly flags: ReadonlyMap<OptionKey, string | readonly string[]>
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The configuration file's object, keyed by flag. */
  readonly file: Readonly<Record<string, unknown>>
  /** How to call the file in messages. */
  readonly fileName: string
}

/** Flags over environment over file over defaults. Throws `WeaveError('configuration')` naming the culprit. */
export function resolveConfig(sources: Sources): Config {
  refuseUnknownKeys(sources)
  // Who gives an empty one wants encryption and has lost the password on the way, say in a script.
  if (sources.flags.get('password') === '') {
    refuse('--password is given but empty: give one, or leave it out to run without encryption')
  }
  const resolved = Object.fromEntries(
    optionRows.map(([key, option]) => {
      const { raw, where } = find(sources, key)
      if (raw === undefined) return [key, option.fallback]
      const parsed = option.schema.safeParse(raw)
      if (parsed.success) return [key, parsed.data]
      throw new WeaveError('configuration', `${where}: ${firstIssue(parsed.error)}`)
    }),
  )
  // Each value was made by the schema of its own row, so the whole has the table's type.
  const config = resolved as unknown as Config
  checkTogether(config)
  return withRootedDomain(config)
}

function find(sources: Sources, key: OptionKey): { raw: unknown; where: string } {
  const option: Option = options[key]
  const flag = sources.flags.get(key)
  if (flag !== undefined) return { raw: flag, where: `--${option.flag}` }

  const name = environmentName(option)
  const text = sources.environment[name]
  // An empty variable is as good as none: scripts pass `WEAVE_X=$X` along whether it is set or not.
  if (text !== undefined && text !== '') {
    return { raw: option.envByPresence === true ? true : text, where: `environment variable ${name}` }
  }
  const [implying, implied] = option.envImplies ?? []
  if (implying !== undefined && sources.environment[implying]) {
    return { raw: implied, where: `environment variable ${implying}` }
  }
  return { raw: sources.file[option.flag], where: `${sources.fileName}: "${option.flag}"` }
}

function refuseUnknownKeys(sources: Sources): void {
  const known = new Set(optionRows.map(([, option]) => option.flag))
  for (const key of Object.keys(sources.file)) {
    if (!known.has(key)) {
      throw new WeaveError('configuration', `${sources.fileName}: there is no setting "${key}"`)
    }
  }
}

/** Union schemas bury the message of the alternative that came closest. */
function firstIssue(error: z.ZodError): string {
  const deepest = (issue: z.core.$ZodIssue): string => {
    if (issue.code === 'invalid_union') {
      const inner = issue.errors.flat().find((candidate) => candidate.code === 'custom')
      if (inner !== undefined) return deepest(inner)
    }
    return issue.message
  }
  const [first] = error.issues
  return first === undefined ? 'not acceptable' : deepest(first)
}

const refuse = (message: string): never => {
  throw new WeaveError('configuration', message)
}

/** What no single value can tell. */
function checkTogether(config: Config): void {
  if (config.ipallocLeaseTime < 4000) refuse('--ipalloc-lease-time: at least 4s')
  if (config.ipallocHoldTime < 2 * config.ipallocLeaseTime)
    refuse('--ipalloc-hold-time must be at least twice --ipalloc-lease-time')
  if (config.ipallocRange === '') {
    if (config.ipallocDefaultSubnet !== '') {
      refuse('--ipalloc-default-subnet needs a range: give --ipalloc-range as well')
    }
    if (config.ipallocInit !== '') refuse('--ipalloc-init needs a range: give --ipalloc-range as well')
    return
  }
  const range = parseCidr(config.ipallocRange)
  if (range.prefixLen > 30) refuse(`--ipalloc-range: ${config.ipallocRange} is smaller than 4 addresses`)
  if (config.ipallocDefaultSubnet === '') return
  const subnet = parseCidr(config.ipallocDefaultSubnet)
  if (!rangesOverlap(cidrRange(range), cidrRange(subnet))) {
    refuse(
      `--ipalloc-default-subnet: ${config.ipallocDefaultSubnet} is not in the range ${config.ipallocRange}`,
    )
  }
}

const withRootedDomain = (config: Config): Config =>
  config.dnsDomain.endsWith('.') ? config : { ...config, dnsDomain: `${config.dnsDomain}.` }
