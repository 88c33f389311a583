import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TemplateParseError, TemplateRunError } from './error.ts'
import { render } from './render.ts'
import { GO_STRING } from './value.ts'

const data = {
  Version: '2.8.1',
  Ready: true,
  Count: 3,
  Uid: 11061894646396079273n,
  Check: { Enabled: false, [GO_STRING]: 'never checked' },
  Absent: undefined,
  Targets: null,
  Peers: [
    { Name: 'a', Connections: [{ Up: true }, { Up: false }] },
    { Name: 'b', Connections: null },
  ],
  Attrs: new Map<string, unknown>([
    ['name', 'sleeve'],
    ['mtu', 1438],
  ]),
}

const cases: readonly (readonly [string, string])[] = [
  ['plain text', 'plain text'],
  ['{{.Version}} {{.Ready}}', '2.8.1 true'],
  ['{{.Uid}}', '11061894646396079273'],
  ['{{json .Uid}}', '11061894646396079273'],
  ['{{.Check}}', 'never checked'],
  ['{{.Check.Enabled}}', 'false'],
  ['{{.Absent}}', '<nil>'],
  ['{{.Targets}} {{json .Targets}} {{len .Targets}}', '[] null 0'],
  ['{{.Attrs}} {{.Attrs.mtu}} {{index .Attrs "name"}}', 'map[mtu:1438 name:sleeve] 1438 sleeve'],
  ['{{json .Attrs}}', '{"mtu":1438,"name":"sleeve"}'],
  ['{{range .Peers}}{{.Name}}={{len .Connections}};{{end}}', 'a=2;b=0;'],
  ['{{range $i, $p := .Peers}}{{$i}}{{$p.Name}} {{end}}', '0a 1b '],
  ['{{range $p := .Peers}}{{range .Connections}}{{$p.Name}}{{.Up}},{{end}}{{end}}', 'atrue,afalse,'],
  ['{{range .Targets}}x{{else}}none{{end}}', 'none'],
  ['{{if .Targets}}a{{else if .Ready}}b{{else}}c{{end}}', 'b'],
  ['{{if not .Ready}}a{{else if eq .Count 4}}b{{else}}c{{end}}', 'c'],
  ['{{with .Check}}{{.Enabled}}{{end}}{{with .Absent}}x{{else}}{{.Count}}{{end}}', 'false3'],
  ['{{$x := .Count}}{{if true}}{{$x = 5}}{{end}}{{$x}}', '5'],
  ['{{with $p := index .Peers 1}}{{$p.Name}}{{$.Version}}{{end}}', 'b2.8.1'],
  ['{{(index .Peers 0).Name}}', 'a'],
  ['{{.Version | printf "%-7s|"}}', '2.8.1  |'],
  [
    '{{printf "%05d %5s %q %t %v %x%%" 42 "ab" "c" true .Attrs 255}}',
    '00042    ab "c" true map[mtu:1438 name:sleeve] ff%',
  ],
  ['{{printf "%s" 1}} {{printf "%d"}} {{printf "x" 1}}', '%!s(int=1) %!d(MISSING) x%!(EXTRA int=1)'],
  ['a {{- "b" -}} c', 'abc'],
  ['{{/* nothing */}}x{{- /* nothing */ -}} y', 'xy'],
  ['{{"}}"}}{{`{{`}}{{"\\n\\u00e9"}}', '}}{{\né'],
  ['{{and .Ready .Count}} {{or .Targets "d"}} {{and .Ready false}}', '3 d false'],
  ['{{eq .Count 1 2 3}} {{ne "a" "b"}} {{lt 1 .Count}} {{ge .Uid 5}}', 'true true true true'],
  ['{{print 1 2 "a" "b"}} {{println "x" 1}}', '1 2ab x 1\n'],
  ['{{.Peers}}', '[{a [{true} {false}]} {b []}]'],
]

for (const [template, expected] of cases) {
  test(`${template} gives ${JSON.stringify(expected)}`, () => {
    assert.equal(render(template, data), expected)
  })
}

const unreadable: readonly (readonly [string, string])[] = [
  ['{{.Version', 'template: format:1: unclosed action'],
  ['a\n{{nope .Version}}', 'template: format:2: function "nope" not defined'],
  ['{{range .Peers}}', 'template: format:1: unexpected EOF'],
  ['{{end}}', 'template: format:1: unexpected {{end}}'],
  ['{{if .A}}{{else}}{{else}}{{end}}', 'template: format:1: expected end; found {{else}}'],
  ['{{}}', 'template: format:1: missing value for command'],
  ['{{"a}}', 'template: format:1: unterminated quoted string'],
  ['{{(.A}}', 'template: format:1: unclosed left paren'],
  ['{{.A)}}', 'template: format:1: unexpected ")" in command'],
  ['{{/* }}', 'template: format:1: unclosed comment'],
  ['{{.A ? .B}}', 'template: format:1: unexpected "?" in operand'],
]

for (const [template, message] of unreadable) {
  test(`${JSON.stringify(template)} is refused: ${message}`, () => {
    assert.throws(
      () => render(template, data),
      (thrown) => {
        assert(thrown instanceof TemplateParseError)
        assert.equal(thrown.message, message)
        return true
      },
    )
  })
}

test('a fault at run time keeps what was written before it', () => {
  const faults = [
    '{{.Nope}}',
    '{{index .Peers 7}}',
    '{{len .Count}}',
    '{{lt "a" 1}}',
    '{{.Version 1}}',
    '{{.Absent.X}}',
    '{{range .Count}}{{end}}',
    '{{printf "%99999d" 1}}',
  ]
  for (const fault of faults) {
    assert.throws(
      () => render(`before ${fault} after`, data),
      (thrown) => {
        assert(thrown instanceof TemplateRunError, `${fault}: ${thrown}`)
        assert.equal(thrown.written, 'before ')
        return true
      },
    )
  }
})
