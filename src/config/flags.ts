import { WeaveError } from '../lib/errors.ts'
import { parseTruth } from '../lib/truth.ts'
import { oldFlags } from './old-flags.ts'
import type { Option } from './option.ts'
import { type OptionKey, optionRows } from './options.ts'

/** A command line taken apart; values are still the texts that were typed. */
export interface ParsedFlags {
  readonly given: ReadonlyMap<OptionKey, string | readonly string[]>
  readonly words: readonly string[]
  /** Flags of old releases that were accepted without effect, each with what to know about it. */
  readonly notes: readonly string[]
}

const byFlag: ReadonlyMap<string, readonly [OptionKey, Option]> = new Map(
  optionRows.flatMap((row) => [row[1].flag, ...(row[1].aliases ?? [])].map((flag) => [flag, row])),
)

const usage = (message: string): WeaveError<'usage'> => new WeaveError('usage', message)

/**
 * Reads the flag grammar of the old daemon (cli §1.1): `--name value`, `--name=value` (quotes around the
 * value go), one dash instead of two, and truth values only as `--flag` or `--flag=false`. Unlike there,
 * flags may also follow peers: `--no-dns` was never meant as the name of a peer. `--` ends the flags.
 * Throws `WeaveError('usage')`.
 */
export function parseFlags(argv: readonly string[]): ParsedFlags {
  const given = new Map<OptionKey, string | readonly string[]>()
  const words: string[] = []
  const notes: string[] = []

  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? ''
    if (word === '--') {
      words.push(...argv.slice(at + 1))
      break
    }
    if (!word.startsWith('-') || word === '-') {
      words.push(word)
      continue
    }

    const { flag, inline } = split(word)
    const row = byFlag.get(flag)
    const old = row === undefined ? oldFlags.get(flag) : undefined
    if (row === undefined && old === undefined) throw usage(`flag provided but not defined: ${word}`)

    const alone = row === undefined ? !(old?.takesValue ?? false) : (row[1].switch ?? false)
    const text = inline ?? (alone ? 'true' : argv[++at])
    if (text === undefined) throw usage(`flag needs an argument: ${word}`)

    if (row !== undefined) put(given, row, text)
    else if (old !== undefined && !isOff(alone, text)) {
      if (old.refuse) throw usage(`--${flag} cannot be used: ${old.advice}`)
      notes.push(`--${flag} has no effect: ${old.advice}`)
    }
  }
  return { given, words, notes }
}

const isOff = (alone: boolean, text: string): boolean => alone && parseTruth(text) === false

function split(word: string): { flag: string; inline: string | undefined } {
  const bare = word.replace(/^--?/, '')
  const equals = bare.indexOf('=')
  if (equals < 0) return { flag: bare, inline: undefined }
  return { flag: bare.slice(0, equals), inline: unquoted(bare.slice(equals + 1)) }
}

const unquoted = (text: string): string => /^(["'])(.*)\1$/s.exec(text)?.[2] ?? text

function put(
  given: Map<OptionKey, string | readonly string[]>,
  [key, option]: readonly [OptionKey, Option],
  text: string,
): void {
  const before = given.get(key)
  given.set(key, option.repeat === true ? [...(Array.isArray(before) ? before : []), text] : text)
}
