import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { projectFile } from '../../../test/support/project.ts'
import { TemplateParseError, TemplateRunError } from './error.ts'
import { render } from './render.ts'
import { GO_STRING } from './value.ts'

/**
 * What Go 1.19's text/template makes of these templates over the document, with `json` added, made by running it: how far
 * each came, output, error. Only names of Go's own types are left out of the errors.
 */
const goOutcomes = JSON.parse(
  readFileSync(projectFile('src/api/template/go-outcomes.json'), 'utf8'),
) as readonly {
  readonly template: string
  readonly stage: 'done' | 'parse' | 'run'
  readonly output: string
  readonly error: string
}[]

/** The document that Go was given, as reports are made of. */
const document = {
  Version: '2.8.1',
  Ready: true,
  Count: 3,
  Zero: 0,
  Uid: 11061894646396079273n,
  Empty: '',
  Check: { Enabled: false, Next: 'x', [GO_STRING]: 'never checked' },
  Absent: undefined,
  Targets: null,
  None: [],
  Names: ['a<b', 'ü', 'c"d'],
  Peers: [
    {
      Name: 'a',
      UID: 18446744073709551615n,
      Connections: [
        { Name: 'b', Up: true },
        { Name: 'c', Up: false },
      ],
    },
    { Name: 'b', UID: 5n, Connections: null },
  ],
  Attrs: new Map<string, unknown>([
    ['name', 'sleeve'],
    ['mtu', 1438],
    ['encrypted', true],
  ]),
  NoAttrs: new Map(),
}

const withoutType = (message: string): string => message.replace(/ in type (?:struct|string)$/, '')

function outcome(template: string): readonly [stage: string, output: string, error: string] {
  try {
    return ['done', render(template, document), '']
  } catch (thrown) {
    if (thrown instanceof TemplateParseError) return ['parse', '', thrown.message]
    if (thrown instanceof TemplateRunError) return ['run', thrown.written, thrown.message]
    throw thrown
  }
}

/** Refused by both, at the same place, in other words. */
const AT = 'template: format:1:2: executing "format" at'
const inOtherWords: Readonly<Record<string, string>> = {
  '{{index .Targets 0}}': `${AT} <index .Targets 0>: error calling index: index out of range: 0`,
  '{{eq .Names .Names}}': `${AT} <eq .Names .Names>: error calling eq: non-comparable type [a<b ü c"d]`,
  '{{len nil}}': `${AT} <len nil>: error calling len: len of nil pointer`,
}

for (const { template, stage, output, error } of goOutcomes) {
  test(`${JSON.stringify(template)} ends as with Go: ${stage}`, () => {
    const [ourStage, ourOutput, ourError] = outcome(template)
    assert.deepEqual(
      [ourStage, ourOutput, withoutType(ourError)],
      [stage, output, withoutType(inOtherWords[template] ?? error)],
    )
  })
}
