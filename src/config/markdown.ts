import { environmentName, type Option, type OptionGroup } from './option.ts'
import { optionRows } from './options.ts'

const TITLES: Readonly<Record<OptionGroup, string>> = {
  network: 'The network',
  addresses: 'Addresses',
  dns: 'DNS',
  docker: 'Docker',
  proxy: 'Docker API proxy',
  control: 'Control',
  process: 'The process',
}

/** docs/options.md: the table of settings for readers. A test keeps the file true. */
export function optionsMarkdown(): string {
  const groups = [...new Set(optionRows.map(([, option]) => option.group))]
  const sections = groups.map((group) => {
    const rows = optionRows.filter(([, option]) => option.group === group).map(([, option]) => rowOf(option))
    return `## ${TITLES[group]}\n\n| flag | variable | default | meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`
  })
  return `${HEAD}\n${sections.join('\n')}`
}

const HEAD = `# Settings

Made from the table in \`src/config/options.ts\`. A flag of \`weave launch\` wins over the environment variable, that over
the file \`/etc/weave/config.json\` (or the one that \`WEAVE_CONFIG\` names), that over the default. The file is a JSON object
with the flags' names as keys, e.g. \`{"port": 6783, "no-dns": true}\`. Truth values stand alone (\`--no-dns\`) or are spelt out
(\`--plugin=false\`).
`

function rowOf(option: Option): string {
  const flag = `--${option.flag}${option.placeholder === undefined ? '' : ` ${option.placeholder}`}`
  const [implying] = option.envImplies ?? []
  const variables = [environmentName(option), ...(implying === undefined ? [] : [implying])]
    .map((name) => `\`${name}\``)
    .join(', ')
  return `| \`${inCell(flag)}\` | ${variables} | ${fallbackOf(option)} | ${inCell(option.help)} |`
}

const inCell = (text: string): string => text.replaceAll('|', '\\|')

function fallbackOf(option: Option): string {
  if (option.flag === 'nickname') return "the host's name"
  const { fallback } = option
  if (fallback === '' || (Array.isArray(fallback) && fallback.length === 0)) return ''
  return `\`${String(fallback)}\``
}
