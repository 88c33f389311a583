import type { Command } from 'commander'
import { environmentName } from '../config/option.ts'
import { optionRows, options } from '../config/options.ts'
import { commandTable } from './command-table.ts'
import { ExitStatus, type Io } from './io.ts'

/** `weave man`: the manual page in roff, from the same tables. */
export function man(io: Io, root: Command, version: string): number {
  const roff = (text: string): string => text.replaceAll('\\', '\\e').replaceAll('-', '\\-')
  const commands = commandTable
    .filter(({ hidden }) => hidden !== true)
    .map(({ name, args, about }) => {
      const own = root.commands.find((candidate) => candidate.name() === name)?.options ?? []
      const lines = own.map((option) => `.br\n.B ${roff(option.flags)}\n${roff(option.description)}`)
      return `.TP\n.B ${roff([name, args].filter(Boolean).join(' '))}\n${[roff(about), ...lines].join('\n')}`
    })
  const settings = optionRows.map(([, option]) => {
    const value = option.placeholder === undefined ? '' : ` ${option.placeholder}`
    // That of the nickname is the name of the machine that the page was made on.
    const hasNone = option.fallback === '' || Array.isArray(option.fallback) || option === options.nickname
    const fallback = hasNone ? '' : `; default ${String(option.fallback)}`
    return `.TP\n.B ${roff(`--${option.flag}${value}`)}\n${roff(`${option.help}${fallback} (${environmentName(option)})`)}`
  })
  io.out(
    [
      `.TH WEAVE 8 "" "weave ${version}" "Weave Net"`,
      '.SH NAME',
      'weave \\- one network for the containers of all your hosts',
      '.SH SYNOPSIS',
      '.B weave',
      'COMMAND [OPTION...] [ARGUMENT...]',
      '.SH COMMANDS',
      ...commands,
      '.SH OPTIONS OF LAUNCH',
      'Flags win over environment variables (in parentheses), those over /etc/weave/config.json, which is keyed by flag.',
      ...settings,
      '.SH EXIT STATUS',
      '0 success; 1 failure or wrong usage; 3 already running; 4 the feature is switched off; 7 the daemon does not answer',
      '',
    ].join('\n'),
  )
  return ExitStatus.ok
}
