import { spawn } from 'node:child_process'
import { WeaveError } from '../../lib/errors.ts'
import type { Keeper } from './keeper.ts'

/** The units of packaging/systemd. The socket first: a call of Docker would start the daemon again. */
export const UNITS = ['weave.socket', 'weave.service'] as const

/** systemd, by its own command. */
export class SystemdKeeper implements Keeper {
  async running(): Promise<boolean> {
    const { stdout } = await run('systemctl', ['show', '--property=ActiveState', '--value', 'weave.service'])
    return ['active', 'activating', 'reloading'].includes(stdout.trim())
  }

  async stop(): Promise<boolean> {
    const wasRunning = await this.running()
    const { status, stderr } = await run('systemctl', ['stop', ...UNITS])
    if (status !== 0) throw new WeaveError('systemd', `systemctl cannot stop weave: ${stderr.trim()}`)
    return wasRunning
  }

  async log(out: (text: string) => void, follow: boolean): Promise<void> {
    const flags = ['--output=cat', '--no-pager', '--unit=weave.service', ...(follow ? ['--follow'] : [])]
    const { status, stderr } = await run('journalctl', flags, out)
    if (status !== 0) throw new WeaveError('systemd', `journalctl cannot show the log: ${stderr.trim()}`)
  }
}

/** Runs a program to its end; its output is collected unless somebody takes it. */
export function run(
  program: string,
  args: readonly string[],
  out?: (text: string) => void,
): Promise<{ readonly status: number; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (out === undefined) stdout += text
      else out(text)
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.once('error', (error) =>
      reject(new WeaveError('systemd', `cannot run ${program}: ${error.message}`)),
    )
    child.once('close', (status) => resolve({ status: status ?? 1, stdout, stderr }))
  })
}
