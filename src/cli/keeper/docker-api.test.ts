import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LogFrames } from './docker-api.ts'

const frame = (stream: number, text: string): Buffer => {
  const bytes = Buffer.from(text)
  const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0])
  header.writeUInt32BE(bytes.length, 4)
  return Buffer.concat([header, bytes])
}

test("frames of a container's log become its text, wherever they are cut", () => {
  const long = 'é'.repeat(200)
  const all = Buffer.concat([frame(1, 'one\n'), frame(2, long), frame(2, ''), frame(1, 'end\n')])
  for (let cut = 0; cut <= all.length; cut++) {
    const frames = new LogFrames()
    assert.equal(frames.text(all.subarray(0, cut)) + frames.text(all.subarray(cut)), `one\n${long}end\n`)
  }
})
