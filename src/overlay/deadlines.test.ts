import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { Deadlines } from './deadlines.ts'

test('one timer serves all members, each at its own time', () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  let now = 0
  const deadlines = new Deadlines({ now: () => now, wall: () => 0 })
  const fired: string[] = []
  const member = (name: string, first: number) => {
    let at: number | undefined = first
    return {
      nextDeadline: () => at,
      advance: () => {
        fired.push(`${name} ${now}`)
        at = name === 'often' && now < 30 ? now + 10 : undefined
      },
    }
  }
  deadlines.add(member('once', 25))
  deadlines.add(member('often', 10))
  for (; now <= 60; now++) mock.timers.tick(1)
  deadlines.stop()
  mock.timers.reset()
  assert.deepEqual(
    fired.map((line) => line.split(' ')[0]),
    ['often', 'often', 'once', 'often'],
  )
})

test('a member that was taken out is left alone', () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  let now = 0
  const deadlines = new Deadlines({ now: () => now, wall: () => 0 })
  const fired: string[] = []
  const gone = { nextDeadline: () => 5, advance: () => fired.push('gone') }
  deadlines.add(gone)
  deadlines.delete(gone)
  now = 10
  mock.timers.tick(10)
  mock.timers.reset()
  assert.deepEqual(fired, [])
})
