import type { Finding } from '../../host/probe/finding.ts'
import { ExitStatus, type Io } from '../io.ts'

/** `weave doctor`: what this host can and cannot do for Weave Net. Status 1 when something needs attention. */
export async function doctor(io: Io, options: { readonly json?: boolean }): Promise<number> {
  const { examine } = await import('../../daemon/offline.ts')
  const { findings, healthy } = await examine(io.environment)
  if (options.json === true) io.out(`${JSON.stringify(findings, null, 2)}\n`)
  else io.out(doctorText(findings, io.isTerminal))
  return healthy ? ExitStatus.ok : ExitStatus.failure
}

const MARKS = {
  works: { mark: 'ok     ', colour: 32 },
  missing: { mark: 'missing', colour: 33 },
  wrong: { mark: 'WRONG  ', colour: 31 },
  unknown: { mark: 'unknown', colour: 33 },
} as const

/** One line for each finding, and what to do below it. */
export function doctorText(findings: readonly Finding[], coloured: boolean): string {
  const groups = [...new Set(findings.map(({ group }) => group))]
  return groups
    .map((group) => {
      const lines = findings
        .filter((finding) => finding.group === group)
        .map((finding) => lineOf(finding, coloured))
      return `${group}\n${lines.join('')}`
    })
    .join('\n')
}

function lineOf(finding: Finding, coloured: boolean): string {
  const { mark, colour } = MARKS[finding.outcome.state]
  const shown = coloured ? `\u001b[${colour}m${mark}\u001b[0m` : mark
  return `  ${shown}  ${finding.title}${detailOf(finding)}\n`
}

function detailOf({ outcome, without }: Finding): string {
  const more = (text: string): string => `\n           ${text}`
  switch (outcome.state) {
    case 'works':
      return outcome.detail === undefined ? '' : ` (${outcome.detail})`
    case 'missing':
      return more(`needs ${outcome.needs}`) + more(`without it: ${without}`)
    case 'wrong':
      return more(outcome.problem) + more(outcome.advice)
    case 'unknown':
      return more(`could not tell: ${outcome.reason}`)
    default:
      return outcome satisfies never
  }
}
