import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { commandTable } from '../../src/cli/command-table.ts'
import { projectFile } from '../support/project.ts'

/** More would be a documentation that nobody tries. */
const NOT_RUN = 7

interface Page {
  readonly path: string
  readonly text: string
}

const pages: readonly Page[] = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync(projectFile('docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
].map((path) => ({ path, text: readFileSync(projectFile(path), 'utf8') }))

/** The shell lines of a page's code blocks, prompts and comments taken off. */
function shellLines({ text }: Page): string[] {
  return [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)]
    .flatMap((block) => (block[1] ?? '').split('\n'))
    .map((line) => line.replace(/^(?:host\d|any)?[#$] +/, '').replace(/(?:^|\s)#.*/, ''))
    .flatMap((line) => line.split(/&&|;|\|/))
    .map((line) => line.trim())
}

test('every link between pages leads somewhere', () => {
  const broken = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
      .map((match) => match[1] ?? '')
      .filter((target) => !existsSync(join(dirname(projectFile(path)), target)))
      .map((target) => `${path}: ${target}`),
  )
  assert.deepEqual(broken, [])
})

test('every weave command of the examples exists', () => {
  const known = new Set(commandTable.map(({ name }) => name))
  const unknown = pages.flatMap((page) =>
    shellLines(page)
      .flatMap((line) => /^(?:sudo )?weave ([a-z][a-z-]*)/.exec(line)?.[1] ?? [])
      .filter((name) => !known.has(name) && name !== 'help')
      .map((name) => `${page.path}: weave ${name}`),
  )
  assert.deepEqual(unknown, [])
})

test('every npm script of the examples exists', () => {
  const { scripts } = JSON.parse(readFileSync(projectFile('package.json'), 'utf8')) as { scripts: object }
  const unknown = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/npm run ([a-z:-]+)/g)]
      .map((match) => match[1] ?? '')
      .filter((name) => !(name in scripts))
      .map((name) => `${path}: npm run ${name}`),
  )
  assert.deepEqual(unknown, [])
})

test('the pages do not name machines or tools of whoever wrote them', () => {
  const traces = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/\/work\/|\/root\/\.|\.\.\/shared/g)].map((match) => `${path}: ${match[0]}`),
  )
  assert.deepEqual(traces, [])
})

test('the walk has what a newcomer looks for', () => {
  const headings = (pages.find(({ path }) => path === 'docs/using.md')?.text.match(/^## .*/gm) ?? []).map(
    (heading) => heading.slice('## '.length),
  )
  for (const wanted of [
    ...['Install', 'The first network', 'More hosts, fewer hosts', 'Names', 'Encryption'],
    'Reaching containers from the host, and the world from containers',
    'When something is wrong',
  ]) {
    assert(headings.includes(wanted), wanted)
  }
})

test('a block that is not run says why, and there are few', () => {
  const reasons = pages.flatMap(({ text }) =>
    [...text.matchAll(/<!-- not run: ([^>]*) -->/g)].map((match) => match[1] ?? ''),
  )
  assert(
    reasons.every((reason) => reason.length > 20),
    reasons.join('; '),
  )
  assert(reasons.length <= NOT_RUN, `${reasons.length} blocks are not run`)
})
