import { Command, CommanderError, Option } from 'commander'
import type { optionRows } from '../config/options.ts'
import { type CommandRow, commandTable } from './command-table.ts'
import { CommandFailure, ExitStatus, type Io, UsageFailure } from './io.ts'

/** The first word is no command of ours. */
export class UnknownCommand extends Error {}

/** Commands that went with Weave Net 2.0 (cli §1.2). */
const REMOVED = new Set([
  ...['run', 'start', 'restart', 'stop-router', 'launch-proxy', 'stop-proxy', 'stop-plugin'],
])

/** The command line of `weave`. Nothing but the table and commander is loaded until a command runs. */
export class Program {
  readonly root: Command
  readonly #io: Io
  readonly #words: readonly string[]
  readonly #local: boolean
  #current: Command
  #status = 0
  #settings: readonly Option[] = []

  constructor(io: Io, argv: readonly string[]) {
    this.#io = io
    this.#local = argv[0] === '--local'
    this.#words = this.#local ? argv.slice(1) : argv
    this.root = this.#quiet(new Command('weave'))
      .description('Weave Net: one network for the containers of all your hosts.')
      .helpOption('--help', 'show how weave or a command is used')
      .helpCommand('help [command]', 'show how weave or a command is used')
      .configureHelp({ ...NARROW, subcommandTerm: term })
    this.#current = this.root
    for (const row of commandTable) this.#add(row)
  }

  /** The exit status. Throws `CommandFailure`, `UsageFailure`, `UnknownCommand`, or what a command threw. */
  async run(): Promise<number> {
    const [first] = this.#words
    if (first === undefined) throw new UsageFailure('')
    if (REMOVED.has(first)) {
      throw new CommandFailure(
        ExitStatus.failure,
        `The 'weave ${first}' command has been removed as of Weave Net version 2.0\nPlease see release notes for further information`,
      )
    }
    const topic = first === 'help' ? this.#words[1] : undefined
    if (topic !== undefined && topic !== 'help' && !commandTable.some(({ name }) => name === topic)) {
      throw new UnknownCommand(`Unknown weave command '${topic}'`)
    }
    if (this.#mayShowSettings(first)) {
      const { optionRows: rows } = await import('../config/options.ts')
      this.#settings = rows.map(settingOption)
    }
    try {
      // Commander has no help for its own command.
      const words = topic === 'help' ? [first] : [...this.#words]
      await this.root.parseAsync(words, { from: 'user' })
    } catch (thrown) {
      if (!(thrown instanceof CommanderError)) throw thrown
      // Of shown help commander makes a failure when something else in the process has failed.
      if (thrown.exitCode === 0 || thrown.code === 'commander.help') return ExitStatus.ok
      if (thrown.code === 'commander.unknownCommand') {
        const [, meant] = /Did you mean (?:one of )?(.*)\?/.exec(thrown.message) ?? []
        // Commander finds `logs` in `bogus`: nobody slips on the first letter.
        const hint = meant?.[0] !== first[0] ? '' : `\nDid you mean weave ${meant}?`
        throw new UnknownCommand(`Unknown weave command '${first}'${hint}`)
      }
      this.#current = this.root.commands.find((command) => command.name() === first) ?? this.root
      throw new UsageFailure(thrown.message)
    }
    return this.#status
  }

  /** Loading their table takes longer than most commands. */
  #mayShowSettings(first: string): boolean {
    const asked = first === 'help' ? this.#words[1] : first
    return commandTable.some(({ name, configured }) => name === asked && configured === true)
  }

  /** The status of a command for the machine that `DOCKER_HOST` names; undefined for one of this machine. */
  async #elsewhere(): Promise<number | undefined> {
    if (this.#local || !this.#io.environment['DOCKER_HOST']) return undefined
    const { isElsewhere, runElsewhere } = await import('./remote.ts')
    return isElsewhere(this.#io, this.#words) ? runElsewhere(this.#io, this.#words) : undefined
  }

  /** The usage of the command in question. */
  usage(): string {
    return this.#current.helpInformation()
  }

  #add(row: CommandRow): void {
    const command = this.#quiet(this.root.command(row.name, { hidden: row.hidden ?? false }))
      .description(row.about)
      .helpOption('--help', 'show this help')
      .helpGroup(`${row.section}:`)
    if (row.configured === true) this.#readsItsOwnFlags(command, row)
    else if (row.args !== undefined) declareArguments(command, row.args)
    for (const [flags, about] of row.options ?? []) {
      const option = new Option(flags, about)
      if (row.repeated?.includes(option.long ?? '') === true) option.argParser(collect)
      command.addOption(option)
    }
    command.action(async () => {
      this.#current = command
      const raw = this.#words.slice(1)
      const { args: words } = command
      this.#status =
        (await this.#elsewhere()) ??
        (await row.run({ io: this.#io, words, command, raw, local: this.#local }))
    })
  }

  /** The configuration table has more spellings than commander knows (config/flags.ts). */
  #readsItsOwnFlags(command: Command, row: CommandRow): void {
    command
      .usage(row.args ?? '')
      .argument('[words...]')
      .allowUnknownOption()
      .configureHelp({
        ...NARROW,
        visibleArguments: () => [],
        visibleOptions: (shown) => [...shown.options, ...this.#settings],
      })
  }

  #quiet(command: Command): Command {
    return command
      .exitOverride()
      .configureOutput({ writeOut: (text) => this.#io.out(text), writeErr: () => undefined })
  }
}

/** Descriptions are wrapped also where long terms leave them little room: nothing is wider than 80 columns. */
const NARROW = { minWidthToWrap: 20 }

/** The options of a launch stand in the configuration table. */
const settingOption = ([, { flag, placeholder, help }]: (typeof optionRows)[number]): Option =>
  new Option(`--${flag}${placeholder === undefined ? '' : ` ${placeholder}`}`, help)

/** A command with its arguments as they are documented, not as they are declared. */
const term = (command: Command): string => {
  const row = commandTable.find(({ name }) => name === command.name())
  return [command.name(), row === undefined ? command.usage() : row.args].filter(Boolean).join(' ')
}

const collect = (value: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  value,
]

/** Commander allows one variadic argument, the last; the commands sort their words themselves. */
function declareArguments(command: Command, usage: string): void {
  const required = usage.startsWith('<')
  const single = !usage.includes('...') && !usage.includes(' ')
  command.usage(`[options] ${usage}`)
  command.argument(single ? usage : required ? '<words...>' : '[words...]')
  command.configureHelp({ ...NARROW, visibleArguments: () => [] })
}
