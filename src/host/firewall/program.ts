import { spawn } from 'node:child_process'
import { WeaveError } from '../../lib/errors.ts'
import { errnoOf } from '../kernel-error.ts'

export interface Finished {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

const TIMEOUT_MS = 15_000
/** Where administration programs live, which a service's PATH may lack. */
const SBIN = '/usr/local/sbin:/usr/sbin:/sbin'

/** Runs a program to its end; undefined when it is not installed. */
export function runProgram(argv: readonly [string, ...string[]], input = ''): Promise<Finished | undefined> {
  const [program, ...args] = argv
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      // C: its words and sort order are what we compare with.
      env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:${SBIN}`, LC_ALL: 'C' },
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    })
    const output: Buffer[] = []
    const errors: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk))
    child.on('error', (error) => {
      if (errnoOf(error) === 'ENOENT') resolve(undefined)
      else reject(new WeaveError('program', `cannot run ${program}: ${error.message}`, { cause: error }))
    })
    child.on('close', (code, signal) => {
      const stderr = Buffer.concat(errors).toString().trim()
      if (code === null) reject(new WeaveError('program', `${program} was ended by ${signal}: ${stderr}`))
      else resolve({ status: code, stdout: Buffer.concat(output).toString(), stderr })
    })
    // A program that ends before it has read everything says why on its error output.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })
}
