import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Script } from 'node:vm'

/** File name of the program, with a digest of what is in it: V8 itself compares little more than lengths. */
declare const WEAVE_PROGRAM: string

/**
 * What `dist/cli.cjs` and `dist/daemon.cjs` are: they run a program with code that V8 compiled before, which halves
 * the work of a start. The build leaves the code that loading needs (`.code`), a first run of some length what starting
 * needs as well (`.warm`). Code of another Node.js is refused: then everything is compiled as usual, and kept.
 */
const program = join(__dirname, WEAVE_PROGRAM)
const WARM = `${program}.warm`

/** By then a daemon has started; taking the code out stops everything else for 20 ms. */
const KEEP_AFTER_MS = 3000

const source = `(function (require, __filename, __dirname) {${readFileSync(program, 'latin1')}\n})`
const warm = existing(WARM)
const script = compile(warm ?? existing(`${program}.code`))
if (script.cachedDataRejected !== false) process.once('exit', keep)
else if (warm === undefined) setTimeout(keep, KEEP_AFTER_MS).unref()
script.runInThisContext()(createRequire(program), program, __dirname)

/** By name only: the code remembers it, and the directory is another one at the build. */
function compile(cachedData: Buffer | undefined): Script {
  return new Script(source, { filename: WEAVE_PROGRAM, ...(cachedData !== undefined && { cachedData }) })
}

function existing(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch {
    return undefined
  }
}

/** An installation that cannot be written is only one that starts more slowly. */
function keep(): void {
  const unfinished = `${WARM}.${process.pid}`
  try {
    writeFileSync(unfinished, script.createCachedData())
    renameSync(unfinished, WARM)
  } catch {
    return
  }
}
