import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { projectFile } from '../../test/support/project.ts'
import { DAEMON_FLAGS } from './daemon-flags.ts'

// Node.js refuses code that was compiled ahead with other flags, and then starts slowly without a word.
test('the unit of systemd and the compiler of the daemon use the flags that the supervisor uses', () => {
  const text = (file: string): string => readFileSync(projectFile(file), 'utf8')
  assert.ok(text('packaging/systemd/weave.service').includes(`@NODE@ ${DAEMON_FLAGS.join(' ')} @DAEMON@`))
  const quoted = DAEMON_FLAGS.map((flag) => `'${flag}'`).join(', ')
  assert.ok(text('scripts/build.mjs').includes(`[${quoted}]`))
})
