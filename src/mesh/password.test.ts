import assert from 'node:assert/strict'
import { test } from 'node:test'
import { choosePassword, passwordBits, passwordWarning } from './password.ts'

const none = { option: undefined, file: undefined, environment: undefined }
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

test('the option goes before the file, the file before the environment', () => {
  assert.deepEqual(choosePassword({ option: 'o', file: 'f', environment: 'e' }), bytes('o'))
  assert.deepEqual(choosePassword({ ...none, file: 'f\n', environment: 'e' }), bytes('f'))
  assert.deepEqual(choosePassword({ ...none, environment: 'e' }), bytes('e'))
  assert.equal(choosePassword(none), undefined)
})

test('an empty password that was given is refused, wherever it came from', () => {
  for (const source of [{ option: '' }, { file: '\n' }, { environment: '' }]) {
    assert.throws(() => choosePassword({ ...none, ...source }), { code: 'empty-password' })
  }
})

test('weak passwords are warned about and the warning says why', () => {
  for (const weak of [
    's3cret',
    'password123',
    'aaaaaaaaaaaaaaaaaaaaaaaa',
    'abcdefghijklmnopqrstuvwxyz',
    'Summer2024!',
    '12345678901234567890',
  ]) {
    assert.match(passwordWarning(bytes(weak)) ?? '', /offline/, weak)
  }
})

test('strong passwords are not', () => {
  for (const strong of [
    'pH7Qm2Xw9Zk4',
    'correct horse battery staple',
    'ZkX0nL2v8QwR5t1u',
    'Grüße aus dem Süden, 17 mal',
  ]) {
    assert.equal(passwordWarning(bytes(strong)), undefined, strong)
  }
})

test('more characters never make a random password weaker', () => {
  let before = 0
  for (let length = 0; length <= 12; length++) {
    const bits = passwordBits('pH7Qm2Xw9Zk4'.slice(0, length))
    assert.ok(bits >= before)
    before = bits
  }
})
