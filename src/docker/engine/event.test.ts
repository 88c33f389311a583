import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeEvent, type EngineEvent, LineSplitter } from './event.ts'

const id = 'c'.repeat(64)
const line = (event: object): string => JSON.stringify({ scope: 'local', time: 1, ...event })
const container = (Action: string): string =>
  line({ status: Action, id, Type: 'container', Action, Actor: { ID: id, Attributes: { name: 'web' } } })
const network = (Action: string, Attributes: object): string =>
  line({ Type: 'network', Action, Actor: { ID: 'n1', Attributes } })

const table: [string, string, EngineEvent | undefined][] = [
  ['a start', container('start'), { kind: 'container-started', containerId: id }],
  ['a death', container('die'), { kind: 'container-died', containerId: id }],
  ['a removal', container('destroy'), { kind: 'container-destroyed', containerId: id }],
  ['a new name', container('rename'), { kind: 'container-renamed', containerId: id }],
  ['the creation of a container', container('create'), undefined],
  [
    'a connection',
    network('connect', { container: id, name: 'weave', type: 'weavemesh' }),
    { kind: 'network-connected', networkId: 'n1', containerId: id },
  ],
  [
    'a disconnection',
    network('disconnect', { container: id, name: 'weave', type: 'weavemesh' }),
    { kind: 'network-disconnected', networkId: 'n1', containerId: id },
  ],
  ['a connection of nobody', network('connect', { name: 'weave' }), undefined],
  [
    'the end of a network',
    network('destroy', { name: 'weave' }),
    { kind: 'network-destroyed', networkId: 'n1', name: 'weave' },
  ],
  [
    'a new network',
    network('create', { name: 'weave' }),
    { kind: 'network-created', networkId: 'n1', name: 'weave' },
  ],
  ['an event of an image', line({ Type: 'image', Action: 'pull', Actor: { ID: 'x' } }), undefined],
  ['an event without actor', line({ Type: 'container', Action: 'start' }), undefined],
  ['an empty line', '', undefined],
  ['no JSON', '{"Type":', undefined],
  ['JSON of another shape', 'null', undefined],
]
for (const [what, text, expected] of table) {
  test(`${what} is decoded`, () => assert.deepEqual(decodeEvent(text), expected))
}

test('no line makes the decoder throw', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      decodeEvent(text)
    }),
  )
})

test('lines come out whole however the stream was cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string().map((text) => text.replaceAll('\n', ''))),
      fc.array(fc.nat(20)),
      (lines, cuts) => {
        const splitter = new LineSplitter(1000)
        const stream = lines.map((each) => `${each}\n`).join('')
        const got: string[] = []
        let at = 0
        for (const cut of cuts) {
          got.push(...splitter.feed(stream.slice(at, at + cut)))
          at += cut
        }
        got.push(...splitter.feed(stream.slice(at)))
        assert.deepEqual(got, lines)
      },
    ),
  )
})

test('a line without end does not fill the memory', () => {
  const splitter = new LineSplitter(10)
  assert.deepEqual(splitter.feed('x'.repeat(11)), [])
  assert.deepEqual(splitter.feed('y\nz\n'), ['y', 'z'])
})
