import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type PassedOn, passOn, takeOver } from '../../config/load.ts'
import { messageOf } from '../../lib/errors.ts'
import { CommandFailure, ExitStatus, type Io } from '../io.ts'
import { run, UNITS } from '../keeper/systemd-keeper.ts'
import { requireRoot } from '../root.ts'
import { daemonProgram, findBeside } from '../supervisor.ts'

/** Where administrators' units and their settings are. */
const UNIT_DIRECTORY = '/etc/systemd/system'
const SETTINGS = '/etc/default/weave'

/**
 * `weave install-service [OPTION…] [PEER…]`: has systemd run this installation, at boot before Docker. Done again after
 * an upgrade it takes the new paths over; settings that are there stay unless others are given.
 */
export async function installService(io: Io, words: readonly string[]): Promise<number> {
  const { config, peers } = takeOver(words, io.environment)
  requireRoot()
  if (!existsSync('/run/systemd/system')) {
    throw new CommandFailure(
      ExitStatus.failure,
      'systemd does not run on this host; use weave launch, whose supervisor needs nothing, or weave launch --in-docker',
    )
  }
  try {
    for (const unit of UNITS) writeFileSync(join(UNIT_DIRECTORY, unit), unitText(unit))
    if (words.length > 0 || !existsSync(SETTINGS)) {
      mkdirSync(dirname(SETTINGS), { recursive: true })
      writeFileSync(SETTINGS, settingsText(passOn(config, peers)), { mode: 0o600 })
    }
  } catch (thrown) {
    throw new CommandFailure(ExitStatus.failure, `cannot install the service: ${messageOf(thrown)}`)
  }
  await systemctl('daemon-reload')
  await systemctl('enable', ...UNITS)
  await systemctl('restart', ...UNITS)
  io.out('weave.service runs, and will after every boot; settings: /etc/default/weave\n')
  return ExitStatus.ok
}

/** Takes the service back: nothing of it is left to start at the next boot. Gives what could not be removed, a line each. */
export async function removeService(): Promise<readonly string[]> {
  const paths = UNITS.map((unit) => join(UNIT_DIRECTORY, unit)).filter((path) => existsSync(path))
  if (paths.length === 0) return []
  const problems: string[] = []
  const attempt = async (act: () => Promise<void> | void): Promise<void> => {
    try {
      await act()
    } catch (thrown) {
      problems.push(`unable to remove the service: ${messageOf(thrown)}`)
    }
  }
  await attempt(() => systemctl('disable', '--now', ...UNITS))
  for (const path of [...paths, SETTINGS]) await attempt(() => rmSync(path, { force: true }))
  await attempt(() => systemctl('daemon-reload'))
  return problems
}

async function systemctl(...args: readonly string[]): Promise<void> {
  const { status, stderr } = await run('systemctl', args)
  if (status === 0) return
  throw new CommandFailure(ExitStatus.failure, `systemctl ${args.join(' ')} failed: ${stderr.trim()}`)
}

/** The unit of the package with the paths of this installation. */
export function unitText(unit: (typeof UNITS)[number]): string {
  const { command, daemon } = daemonProgram()
  return readFileSync(findBeside(`systemd/${unit}`, `packaging/systemd/${unit}`), 'utf8')
    .replaceAll('@NODE@', command)
    .replaceAll('@DAEMON@', daemon)
}

/** systemd splits the variable at blanks; quotes keep a word together. */
const quoted = (word: string): string => (/^[\w./:=,+@%-]+$/.test(word) ? word : `'${word}'`)

/** A password is a variable: `ps` shows command lines. */
export function settingsText({ argv, environment }: PassedOn): string {
  const end = argv.indexOf('--')
  return [
    '# Options and peers as for `weave launch`, whose variables may stand here as well.',
    `WEAVE_OPTIONS="${argv.slice(0, end).map(quoted).join(' ')}"`,
    `WEAVE_PEERS="${argv
      .slice(end + 1)
      .map(quoted)
      .join(' ')}"`,
    ...Object.entries(environment).map(([name, value]) => `${name}='${value}'`),
    '',
  ].join('\n')
}
