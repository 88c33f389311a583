// Builds dist/: the native addon, the BPF objects, the bundled CLI and daemon. The new tree replaces the
// old one in two renames, so that a test that starts a daemon meanwhile never sees half of it.
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** Name, source, flags of Node.js (as in src/cli/daemon-flags.ts), and a run that loads everything and changes nothing. */
const PROGRAMS = [
  ['cli', 'src/cli/main.ts', [], ['launch', '--no-such-flag']],
  [
    'daemon',
    'src/daemon/main.ts',
    ['--max-semi-space-size=4', '--heap-growing-percent=50'],
    ['--no-such-flag'],
  ],
]

const stamp = sourcesDigest()
const stampFile = join(root, 'dist/.sources')
if (
  process.argv.includes('--if-changed') &&
  existsSync(stampFile) &&
  readFileSync(stampFile, 'utf8') === stamp
) {
  process.exit()
}

/** Messages in fifty languages are 600 kB that nobody asks for; English is imported by itself. */
const withoutZodLocales = {
  name: 'without-zod-locales',
  setup(build) {
    build.onResolve({ filter: /locales\/index\.(?:js|cjs)$/ }, ({ importer }) =>
      importer.includes('/node_modules/zod/') ? { path: join(root, 'scripts/empty.cjs') } : undefined,
    )
  },
}

/** LMDB's addon is one file beside ours; the N-API build of it runs on every Node.js. Nothing is looked up when it starts. */
const withBundledLmdb = {
  name: 'with-bundled-lmdb',
  setup(build) {
    // Its CommonJS build: the packages below it evaluate code that uses their own names, which a bundler renames
    // in modules but not in the functions that CommonJS files become.
    build.onResolve({ filter: /^lmdb$/ }, () => ({ path: join(root, 'node_modules/lmdb/dist/index.cjs') }))
    build.onResolve({ filter: /^node-gyp-build-optional-packages$/ }, () => ({
      path: 'lmdb',
      namespace: 'addon',
    }))
    build.onLoad({ filter: /.*/, namespace: 'addon' }, () => ({
      contents: "module.exports = () => require('./native/lmdb.node')",
    }))
    build.onResolve({ filter: /\.node$/ }, ({ path }) => ({ path, external: true }))
    // Optional: strings are unpacked in JavaScript without it.
    build.onResolve({ filter: /^msgpackr-extract$/ }, () => ({ path: 'extract', namespace: 'absent' }))
    build.onLoad({ filter: /.*/, namespace: 'absent' }, () => ({
      contents: "throw new Error('not bundled')",
    }))
  },
}

/** Fastify loads it in case somebody wants HTTP/2: nobody does. */
const withoutHttp2 = {
  name: 'without-http2',
  setup(build) {
    build.onResolve({ filter: /^node:http2$/ }, ({ importer }) =>
      importer.includes('/node_modules/fastify/') ? { path: join(root, 'scripts/empty.cjs') } : undefined,
    )
  },
}

execFileSync('make', ['--silent', '-C', join(root, 'native')], { stdio: 'inherit' })

const fresh = mkdtempSync(join(root, '.dist-'))
try {
  const metafiles = []
  for (const [name, main, flags, run] of PROGRAMS) metafiles.push(await program(name, main, flags, run))
  // mkdtemp makes it for us alone; everybody may run the command.
  chmodSync(fresh, 0o755)
  mkdirSync(join(fresh, 'native'))
  cpSync(join(root, 'native/build/out'), join(fresh, 'native'), { recursive: true })
  cpSync(lmdbAddon(), join(fresh, 'native/lmdb.node'))
  cpSync(join(root, 'packaging/systemd'), join(fresh, 'systemd'), { recursive: true })
  stripSymbols(join(fresh, 'native'))
  writeFileSync(join(fresh, 'LICENSES.txt'), licences(metafiles))
  writeFileSync(join(fresh, '.sources'), stamp)

  const dist = join(root, 'dist')
  const old = `${fresh}-old`
  if (existsSync(dist)) renameSync(dist, old)
  renameSync(fresh, dist)
  rmSync(old, { recursive: true, force: true })
} finally {
  rmSync(fresh, { recursive: true, force: true })
}

/** `dist/NAME.cjs`, which runs `dist/NAME-DIGEST.cjs` with its compiled code (src/boot/boot.ts). */
async function program(name, main, flags, run) {
  const metafile = await bundle({
    entryPoints: { [name]: join(root, main) },
    entryNames: '[name]-[hash]',
    banner: { js: "const weaveModuleUrl = require('node:url').pathToFileURL(__filename).href;" },
    define: { 'import.meta.url': 'weaveModuleUrl' },
  })
  const file = readdirSync(fresh).find((found) => found.startsWith(`${name}-`) && found.endsWith('.cjs'))
  await bundle({
    entryPoints: { [name]: join(root, 'src/boot/boot.ts') },
    define: { WEAVE_PROGRAM: JSON.stringify(file) },
  })

  // It ends with the status of a refused flag; what it leaves is the proof.
  const compile = join(root, 'scripts/compile-code.mjs')
  spawnSync(process.execPath, [...flags, compile, join(fresh, file), ...run], { stdio: 'ignore' })
  if (!existsSync(join(fresh, `${file}.code`))) throw new Error(`${name} was not compiled`)
  return metafile
}

async function bundle({ define, ...options }) {
  const { metafile } = await build({
    outdir: fresh,
    bundle: true,
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    platform: 'node',
    target: 'node20',
    // Code that V8 compiled before has no loader to ask: what is needed later is required later.
    supported: { 'dynamic-import': false },
    sourcemap: true,
    // Half the bytes to read and parse at each start; names stay, for logs and stack traces.
    minifySyntax: true,
    minifyWhitespace: true,
    plugins: [withoutZodLocales, withBundledLmdb, withoutHttp2],
    metafile: true,
    logLevel: 'warning',
    define: { WEAVE_VERSION: JSON.stringify(version), ...define },
    // dockerode's ssh and grpc transports and BuildKit are never used; the first two do not bundle.
    alias: Object.fromEntries(
      ['ssh2', '@grpc/grpc-js', '@grpc/proto-loader', 'protobufjs'].map((name) => [
        name,
        join(root, 'scripts/empty.cjs'),
      ]),
    ),
    ...options,
  })
  return metafile
}

/** Changes whenever something that goes into dist/ does. */
function sourcesDigest() {
  const digest = createHash('sha256')
  for (const part of [
    'src',
    'native',
    'bpf',
    'packaging',
    'package-lock.json',
    'scripts/build.mjs',
    'scripts/compile-code.mjs',
  ]) {
    const top = join(root, part)
    if (!existsSync(top)) continue
    const paths = statSync(top).isDirectory()
      ? readdirSync(top, { recursive: true, encoding: 'utf8' }).sort()
      : ['']
    for (const path of paths) {
      if (path.startsWith('build') || path.endsWith('.test.ts')) continue
      const file = join(top, path)
      if (statSync(file).isFile()) digest.update(`${part}/${path}\n`).update(readFileSync(file))
    }
  }
  return digest.digest('hex')
}

function lmdbAddon() {
  const package_ = `lmdb-linux-${process.arch}`
  return join(root, 'node_modules/@lmdb', package_, 'node.napi.glibc.node')
}

/** What only debuggers read is two thirds of the files. Symbols for stack traces of crashes stay in ours. */
function stripSymbols(directory) {
  execFileSync('strip', ['--strip-debug', join(directory, 'weave.node'), join(directory, 'weave-supervisor')])
  execFileSync('strip', [join(directory, 'lmdb.node')])
}

/** The licences of everything inside: of the bundled packages, and of the libraries linked into the addon. */
function licences(metafiles) {
  const inputs = metafiles.flatMap((metafile) => Object.keys(metafile.inputs))
  const packages = new Set(
    inputs.flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []),
  )
  const ofPackages = [...packages].sort().flatMap((directory) => {
    const files = readdirSync(join(root, directory)).filter((name) =>
      /^(?:licen[cs]e|copying|notice)/i.test(name),
    )
    const {
      name,
      version: its,
      license,
    } = JSON.parse(readFileSync(join(root, directory, 'package.json'), 'utf8'))
    const texts = files.map((file) => readFileSync(join(root, directory, file), 'utf8').trim())
    return section(`${name} ${its}`, texts.length === 0 ? `Licence: ${license}` : texts.join('\n\n'))
  })
  const ofLibraries = ['libsodium-dev', 'libssl-dev'].map((name) =>
    section(name, readFileSync(`/usr/share/doc/${name}/copyright`, 'utf8').trim()),
  )
  return [...ofPackages, ...ofLibraries].join('\n')
}

function section(title, text) {
  return `${'='.repeat(80)}\n${title}\n${'='.repeat(80)}\n${text}\n`
}
