import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseEspStatistics } from './esp-statistics.ts'

test('the kernel’s counters are summed by what they mean for us', () => {
  const text = `XfrmInError             \t9
XfrmInNoStates          \t2
XfrmInStateProtoError   \t3
XfrmInStateSeqError     \t4
XfrmInTmplMismatch      \t5
XfrmInNoPols            \t6
XfrmOutNoStates         \t7
XfrmOutPolBlock         \t8
`
  assert.deepEqual(parseEspStatistics(text), {
    refused_in_clear: 11,
    unknown_key: 2,
    forged: 3,
    replayed: 4,
    held_back: 15,
  })
})
