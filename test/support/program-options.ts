import { type ParseArgsConfig, parseArgs } from 'node:util'
import { messageOf } from '../../src/lib/errors.ts'

/** The command line of one of the project's programs; a wrong one ends the program with its usage and status 2. */
export function programOptions<T extends ParseArgsConfig>(
  usage: string,
  config: T,
): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config)
  } catch (thrown) {
    // The rest is advice on positional arguments.
    return misused(usage, messageOf(thrown).split('. ')[0] ?? '')
  }
}

/** A whole number of at least `least`, as an option gives it. */
export function wholeNumber(usage: string, option: string, text: string, least = 0): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < least)
    return misused(usage, `${option} needs a whole number of at least ${least}, not '${text}'`)
  return value
}

/** A stretch of time, above zero and not only whole, as an option gives it. */
export function duration(usage: string, option: string, text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value) || value <= 0)
    return misused(usage, `${option} needs a number above 0, not '${text}'`)
  return value
}

function misused(usage: string, problem: string): never {
  console.error(`${problem}\n${usage}`)
  process.exit(2)
}
