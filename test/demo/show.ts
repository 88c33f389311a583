import type { Lab } from '../lab/lab.ts'
import { projectFile } from '../support/project.ts'

const colour = process.stdout.isTTY === true
const paint = (code: number, text: string): string => (colour ? `\x1b[${code}m${text}\x1b[0m` : text)

export const say = (text: string): void => console.log(text)
export const heading = (text: string): void => console.log(`\n${paint(1, `── ${text}`)}`)

/** Runs a command line on a host as a user types it, prints it and its output; throws when it fails. */
export async function shown(lab: Lab, host: number, line: string): Promise<string> {
  console.log(paint(36, `host${host}# ${line}`))
  const output = line.startsWith('docker ')
    ? await lab.sh(host, line.replace(/^docker/, '/usr/bin/docker'))
    : await lab.sh(host, line.replace(/^weave/, projectFile('bin/weave')))
  if (output !== '') console.log(output.replace(/^/gm, '  '))
  return output
}

/** Stops the demo when what was shown is not what it claims to show. */
export function check(output: string, expected: RegExp, what: string): void {
  if (!expected.test(output)) throw new Error(`${what} did not work:\n${output}`)
}
