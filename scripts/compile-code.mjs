// compile-code.mjs PROGRAM ARGUMENT…: makes PROGRAM.code, what V8 compiled of the program in a run with these
// arguments. To be run with the flags that the program is run with: they are part of what V8 compares.
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname } from 'node:path'
import { Script } from 'node:vm'

const [program] = process.argv.splice(2, 1)
const script = new Script(
  `(function (require, __filename, __dirname) {${readFileSync(program, 'latin1')}\n})`,
  {
    filename: basename(program),
  },
)
process.on('exit', () => writeFileSync(`${program}.code`, script.createCachedData()))
script.runInThisContext()(createRequire(program), program, dirname(program))
