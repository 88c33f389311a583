import { readdirSync, readFileSync } from 'node:fs'
import { readConfigFile } from '../../config/file.ts'
import { environmentName } from '../../config/option.ts'
import { optionRows } from '../../config/options.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Values that must not leave this host: of the caller's environment, the file, and every process that has them. */
export function knownSecrets(environment: Environment): readonly string[] {
  const rows = optionRows.filter(([, option]) => option.secret === true)
  const file = readConfigFile(environment).content
  const found = rows.flatMap(([, option]) => {
    const name = environmentName(option)
    return [environment[name], file[option.flag], ...ofProcesses(name)]
  })
  return [...new Set(found.filter((value): value is string => typeof value === 'string' && value !== ''))]
}

/** What is not ours to read is not ours to leak. */
function ofProcesses(variable: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const pairs = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
        const pair = pairs.find((text) => text.startsWith(`${variable}=`))
        return pair === undefined ? [] : [pair.slice(variable.length + 1)]
      } catch {
        return []
      }
    })
}

/** The longest first: one may be part of another. Also as JSON writes them. */
export function redact(text: string, secrets: readonly string[]): string {
  const forms = secrets.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)])
  return [...new Set(forms)]
    .sort((a, b) => b.length - a.length)
    .reduce((redacted, secret) => redacted.replaceAll(secret, '<redacted>'), text)
}
