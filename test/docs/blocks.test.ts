import assert from 'node:assert/strict'
import { test } from 'node:test'
import { blocksOf } from './blocks.ts'

const page = (...lines: readonly string[]): string => lines.join('\n')

test('a shell block is taken apart into hosts, commands and what they show', () => {
  const text = page(
    ...[
      'Text',
      '```sh',
      'host2# weave ps a   # → 10.32.',
      'all#   weave stop  # why',
      "echo '# no' # yes",
      '',
      '```',
    ],
  )
  assert.deepEqual(blocksOf('p', text), [
    {
      kind: 'run',
      page: 'p',
      line: 2,
      lines: [
        { line: 3, host: 2, command: 'weave ps a', shows: '10.32.' },
        { line: 4, host: 'all', command: 'weave stop', shows: undefined },
        { line: 5, host: 1, command: "echo '# no'", shows: undefined },
      ],
    },
  ])
})

test('a block that is not run has to say why', () => {
  const reason = 'there is no registry here'
  const text = page(`<!-- not run: ${reason} -->`, '```sh', 'desk# docker pull x', '```')
  assert.deepEqual(blocksOf('p', text), [{ kind: 'not-run', page: 'p', line: 2, reason }])
  const unknown = page('```sh', 'desk# docker pull x', '```')
  assert.throws(() => blocksOf('p', unknown), /p:2: nobody knows the machine 'desk'/)
})

test('a block that does not say what it is, or does not end, is refused', () => {
  assert.throws(() => blocksOf('p', page('```', 'weave launch', '```')), /p:1: a block must say what it is/)
  assert.throws(() => blocksOf('p', page('```bash', 'weave launch', '```')), /'bash' is not known/)
  assert.throws(() => blocksOf('p', page('```sh', 'weave launch')), /p:1: a block without end/)
  assert.deepEqual(blocksOf('p', page('```text', '┌──┐', '```')), [])
})
