import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { eventually, Lab, type Outcome } from '../lab/lab.ts'
import { projectFile, projectRoot } from '../support/project.ts'
import { blocksOf, type DocLine } from './blocks.ts'

const HOSTS = [1, 2, 3] as const
/** The walk goes on from page to page; the first one installs what the others use. */
const PAGES = [
  'docs/using.md',
  ...['README.md', ...readdirSync(projectFile('docs'), { recursive: true, encoding: 'utf8' })]
    .filter((name) => name.endsWith('.md'))
    .map((name) => (name === 'README.md' ? name : `docs/${name}`))
    .filter((name) => name !== 'docs/using.md')
    .sort(),
]
/** Pages that begin where a network is. */
const ON_A_NETWORK = new Set(['docs/commands.md', 'docs/dns.md', 'docs/docker.md'])
/** Images of a registry that the examples name; here all of them do nothing, for a long time. */
const STAND_INS = ['postgres']

describe('every shell block of the documentation runs', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'weave-walk-'))
  let lab: Lab

  before(async () => {
    execFileSync('npm', ['pack', '--ignore-scripts', '--loglevel=error', '--pack-destination', scratch], {
      cwd: projectRoot,
    })
    lab = await Lab.up({ hosts: 3 })
    for (const host of HOSTS) {
      await lab.docker(host, 'create', '--name=idle', 'busybox')
      for (const image of STAND_INS) {
        await lab.docker(host, 'commit', '--change=CMD ["sleep","1000"]', 'idle', image)
      }
      await lab.docker(host, 'rm', 'idle')
    }
  })
  after(async () => {
    await lab?.down()
    rmSync(scratch, { recursive: true, force: true })
  })

  /** As typed into a root shell; /usr is everybody's in the lab, so npm installs below /opt. There is no terminal. */
  const type = (host: number, { command }: DocLine): Promise<Outcome> => {
    const line = command.replace(/ -(?:ti|it) /, ' -i ')
    const shell = `cd ${scratch}; export npm_config_prefix=/opt/walk PATH=/opt/walk/bin:/usr/bin:$PATH; exec </dev/null; ${line}`
    return lab.try(host, ['bash', '-c', shell])
  }

  const run = async (page: string, line: DocLine): Promise<void> => {
    for (const host of line.host === 'all' ? HOSTS : [line.host]) {
      const where = `${page}:${line.line}, host${host}: ${line.command}`
      const { shows } = line
      if (shows === undefined) {
        const { status, stdout, stderr } = await type(host, line)
        assert.equal(status, 0, `${where}\n${stdout}${stderr}`)
        continue
      }
      // Hosts need a moment to meet, and names to get round.
      let last: Outcome | undefined
      await eventually(`${where} shows '${shows}'`, async () => {
        last = await type(host, line)
        return last.status === 0 && last.stdout.includes(shows)
      }).catch((thrown: unknown) => {
        throw new Error(`${String(thrown)}\n${last?.stdout}${last?.stderr}`)
      })
    }
  }

  for (const page of PAGES) {
    const blocks = blocksOf(page, readFileSync(projectFile(page), 'utf8'))
    if (blocks.length === 0) continue
    test(page, async (context) => {
      if (blocks.some(({ kind }) => kind === 'run') && ON_A_NETWORK.has(page)) {
        await lab.sh(1, '/opt/walk/bin/weave launch')
        await lab.sh(2, '/opt/walk/bin/weave launch host1')
      }
      try {
        for (const block of blocks) {
          if (block.kind === 'not-run') context.diagnostic(`${page}:${block.line} not run: ${block.reason}`)
          else for (const line of block.lines) await run(page, line)
        }
      } finally {
        const clear =
          'docker ps -aq | xargs -r docker rm -f >/dev/null; /opt/walk/bin/weave reset --force 2>&1'
        for (const host of HOSTS) await lab.sh(host, clear)
      }
    })
  }
})
