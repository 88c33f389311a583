// Builds dist/: the native addon, the BPF objects, the bundled CLI and daemon. The new tree replaces the
// old one in two renames, so that a test that starts a daemon meanwhile never sees half of it.
import { execFileSync } from 'node:child_process'
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
const { version, dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

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

execFileSync('make', ['--silent', '-C', join(root, 'native')], { stdio: 'inherit' })

const fresh = mkdtempSync(join(root, '.dist-'))
try {
  await build({
    entryPoints: { cli: join(root, 'src/cli/main.ts'), daemon: join(root, 'src/daemon/main.ts') },
    outdir: fresh,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    // Half the bytes to read and parse at each start; names stay, for logs and stack traces.
    minifySyntax: true,
    minifyWhitespace: true,
    plugins: [withoutZodLocales],
    logLevel: 'warning',
    define: { WEAVE_VERSION: JSON.stringify(version) },
    // dockerode's ssh and grpc transports are never used, and do not bundle.
    alias: Object.fromEntries(
      ['ssh2', '@grpc/grpc-js', '@grpc/proto-loader'].map((name) => [name, join(root, 'scripts/empty.cjs')]),
    ),
    // Native packages stay outside the bundle; CommonJS ones inside need a `require`.
    external: Object.keys(dependencies).filter((name) => name === 'lmdb'),
    banner: {
      js: "import { createRequire as weaveCreateRequire } from 'node:module'; const require = weaveCreateRequire(import.meta.url);",
    },
  })
  // mkdtemp makes it for us alone; everybody may run the command.
  chmodSync(fresh, 0o755)
  mkdirSync(join(fresh, 'native'))
  cpSync(join(root, 'native/build/out'), join(fresh, 'native'), { recursive: true })
  writeFileSync(join(fresh, '.sources'), stamp)

  const dist = join(root, 'dist')
  const old = `${fresh}-old`
  if (existsSync(dist)) renameSync(dist, old)
  renameSync(fresh, dist)
  rmSync(old, { recursive: true, force: true })
} finally {
  rmSync(fresh, { recursive: true, force: true })
}

/** Changes whenever something that goes into dist/ does. */
function sourcesDigest() {
  const digest = createHash('sha256')
  for (const part of ['src', 'native', 'bpf', 'package-lock.json', 'scripts/build.mjs']) {
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
