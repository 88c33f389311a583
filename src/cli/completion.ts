import type { Command } from 'commander'
import { optionRows } from '../config/options.ts'
import { commandTable } from './command-table.ts'
import { ExitStatus, type Io, UsageFailure } from './io.ts'

const PAGES = ['targets', 'connections', 'peers', 'dns', 'ipam']

interface Words {
  readonly name: string
  readonly about: string
  readonly options: readonly string[]
  readonly words: readonly string[]
}

function wordsOf(root: Command): readonly Words[] {
  return commandTable
    .filter(({ hidden }) => hidden !== true)
    .map(({ name, about, configured }) => {
      const command = root.commands.find((candidate) => candidate.name() === name)
      const own = command?.options.flatMap(({ long, short }) => [long, short]) ?? []
      const settings = configured === true ? optionRows.map(([, option]) => `--${option.flag}`) : []
      return {
        name,
        about,
        options: ['--help', ...own.filter((flag) => flag !== undefined && flag !== null), ...settings],
        words: name === 'status' ? PAGES : [],
      }
    })
}

/** `weave completion bash|zsh`: a script for the shell to evaluate, made from the table of commands. */
export function completion(io: Io, root: Command, shell: string | undefined): number {
  const commands = wordsOf(root)
  if (shell === 'bash') io.out(bash(commands))
  else if (shell === 'zsh') io.out(zsh(commands))
  else throw new UsageFailure('completion is there for bash and for zsh')
  return ExitStatus.ok
}

const bash = (
  commands: readonly Words[],
): string => `# bash completion for weave; to use it: eval "$(weave completion bash)"
_weave() {
  local word=\${COMP_WORDS[COMP_CWORD]} words
  if [ "$COMP_CWORD" -eq 1 ]; then
    words='help ${commands.map(({ name }) => name).join(' ')}'
  else
    case \${COMP_WORDS[1]} in
${commands.map(({ name, options, words }) => `      ${name}) words='${[...words, ...options].join(' ')}' ;;`).join('\n')}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -F _weave weave
`

const zsh = (commands: readonly Words[]): string => `#compdef weave
# zsh completion for weave; to use it: eval "$(weave completion zsh)"
_weave() {
  local -a words
  if (( CURRENT == 2 )); then
    words=(${commands.map(({ name, about }) => `'${name}:${about.replaceAll("'", "'\\''").replaceAll(':', '\\:')}'`).join(' ')})
    _describe command words
    return
  fi
  case $words[2] in
${commands.map(({ name, options, words }) => `    ${name}) words=(${[...words, ...options].join(' ')}) ;;`).join('\n')}
  esac
  compadd -a words
}
compdef _weave weave
`
