import { readFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { fileURLToPath } from 'node:url'

/** What of the decoders the inputs reached, by V8's block coverage of the code as it runs. */
export interface FileCoverage {
  readonly file: string
  readonly branches: number
  readonly reached: number
  /** Code that no input reached. */
  readonly missed: readonly string[]
}

/** Counts from now on; only code that is loaded later is seen. */
export async function startCoverage(): Promise<(files: RegExp) => Promise<FileCoverage[]>> {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })

  return async (files) => {
    const { result } = await session.post('Profiler.takePreciseCoverage')
    session.disconnect()
    return result.filter((script) => files.test(script.url)).map(coverageOf)
  }
}

interface ScriptCoverage {
  readonly url: string
  readonly functions: readonly {
    readonly ranges: readonly {
      readonly startOffset: number
      readonly endOffset: number
      readonly count: number
    }[]
  }[]
}

function coverageOf(script: ScriptCoverage): FileCoverage {
  const source = readFileSync(fileURLToPath(script.url), 'utf8')
  const ranges = script.functions.flatMap((one) => one.ranges)
  const missed = ranges.filter((range) => range.count === 0)
  return {
    file: script.url.replace(/^.*\/src\//, ''),
    branches: ranges.length,
    reached: ranges.length - missed.length,
    missed: missed.map((range) =>
      source.slice(range.startOffset, range.endOffset).replaceAll(/\s+/g, ' ').slice(0, 100),
    ),
  }
}
