// Builds release/weave-net-image.tar.gz, for `docker load`, without Docker and without a registry: a root file
// system of Node.js, the firewall programs, the shared libraries that they need, and dist/. The same sources give
// the same bytes.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const ARCHITECTURES = { x64: 'amd64', arm64: 'arm64' }
const XTABLES = ['nft', 'legacy'].map((kind) => ({ kind, program: `/usr/sbin/xtables-${kind}-multi` }))

const work = mkdtempSync(join(root, '.image-'))
try {
  const layers = [layer('system', system), layer('weave', product)]
  const config = writeBlob(
    JSON.stringify({
      architecture: ARCHITECTURES[process.arch],
      os: 'linux',
      created: '1970-01-01T00:00:00Z',
      config: {
        Entrypoint: ['/usr/bin/node', '/opt/weave/dist/cli.cjs'],
        Env: ['PATH=/usr/sbin:/usr/bin'],
        WorkingDir: '/',
        Labels: {
          'org.opencontainers.image.title': 'Weave Net',
          'org.opencontainers.image.version': version,
          'works.weave.role': 'system',
        },
      },
      rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => `sha256:${digest}`) },
      history: layers.map(({ name }) => ({
        created: '1970-01-01T00:00:00Z',
        created_by: `npm run image: ${name}`,
      })),
    }),
  )
  const manifest = [
    { Config: config, RepoTags: [`weave-net:${version}`], Layers: layers.map(({ file }) => file) },
  ]
  writeFileSync(join(work, 'manifest.json'), JSON.stringify(manifest))

  const release = join(root, 'release')
  mkdirSync(release, { recursive: true })
  const target = join(release, 'weave-net-image.tar.gz')
  const parts = ['manifest.json', config, ...layers.map(({ file }) => file)]
  tar(['-C', work, '--use-compress-program=gzip -n', '-cf', `${target}.new`, ...parts])
  renameSync(`${target}.new`, target)
  const unpacked = layers.reduce((sum, { bytes }) => sum + bytes, 0)
  console.log(`weave-net:${version}  ${megabytes(unpacked)} MB in two layers`)
  console.log(`${target}  ${megabytes(statSync(target).size)} MB`)
} finally {
  rmSync(work, { recursive: true, force: true })
}

/** What changes with the distribution: Node.js and the programs that we call. */
function system(top) {
  for (const directory of [
    'tmp',
    'run',
    'proc',
    'sys',
    'dev',
    'etc',
    'var',
    'root',
    'usr/bin',
    'usr/sbin',
    'usr/lib',
  ])
    mkdirSync(join(top, directory), { recursive: true })
  chmodSync(join(top, 'tmp'), 0o1777)
  symlinkSync('/run', join(top, 'var/run'))
  for (const name of ['bin', 'sbin', 'lib']) symlinkSync(`usr/${name}`, join(top, name))
  writeFileSync(join(top, 'etc/passwd'), 'root:x:0:0:root:/root:/usr/bin/node\n')
  writeFileSync(join(top, 'etc/group'), 'root:x:0:\n')
  writeFileSync(join(top, 'etc/nsswitch.conf'), 'passwd: files\ngroup: files\nhosts: files dns\n')

  const node = join(top, 'usr/bin/node')
  copyFileSync(realpathSync(process.execPath), node)
  chmodSync(node, 0o755)
  execFileSync('strip', ['--strip-all', node])

  const programs = ['/usr/sbin/nft', ...XTABLES.map(({ program }) => program)]
  for (const program of programs) copyFileSync(program, join(top, 'usr/sbin', basename(program)))
  for (const { kind, program } of XTABLES) {
    for (const end of ['', '-save', '-restore'])
      symlinkSync(basename(program), join(top, `usr/sbin/iptables-${kind}${end}`))
  }
  const extensions = dirname(
    execFileSync('find', ['/usr/lib', '-name', 'libxt_comment.so'], { encoding: 'utf8' }),
  )
  cpSync(extensions, join(top, extensions), { recursive: true })
  const plugins = readdirSync(extensions).filter((name) => name.endsWith('.so'))
  const addon = join(root, 'dist/native/weave.node')
  copyLibraries(top, [process.execPath, addon, ...programs, ...plugins.map((name) => join(extensions, name))])
}

/** What changes with every build. */
function product(top) {
  const home = join(top, 'opt/weave')
  cpSync(join(root, 'dist'), join(home, 'dist'), {
    recursive: true,
    filter: (path) => !path.endsWith('.map') && basename(path) !== '.sources',
  })
  copyFileSync(join(root, 'LICENSE'), join(home, 'LICENSE'))
  mkdirSync(join(top, 'usr/bin'), { recursive: true })
  writeFileSync(join(top, 'usr/bin/weave'), "#!/usr/bin/node\nrequire('/opt/weave/dist/cli.cjs')\n", {
    mode: 0o755,
  })
}

/** Shared libraries and the loader at the paths where the loader looks for them. */
function copyLibraries(top, files) {
  const listed = execFileSync('ldd', files, { encoding: 'utf8' })
  const paths = new Set([...listed.matchAll(/(?:=> |^\s)(\/\S+) \(0x/gm)].map(([, path]) => path))
  for (const path of paths) {
    // /lib is /usr/lib in the image, as on every merged system.
    const target = join(top, path.replace(/^\/lib(?=\/)/, '/usr/lib'))
    if (existsSync(target)) continue
    mkdirSync(dirname(target), { recursive: true })
    copyFileSync(realpathSync(path), target)
  }
}

function layer(name, fill) {
  const top = join(work, name)
  mkdirSync(top)
  fill(top)
  const archive = join(work, `${name}.tar`)
  tar(['-C', top, '-cf', archive, ...readdirSync(top).sort()])
  rmSync(top, { recursive: true })
  const digest = createHash('sha256').update(readFileSync(archive)).digest('hex')
  const file = `${digest}.tar`
  renameSync(archive, join(work, file))
  return { name, digest, file, bytes: statSync(join(work, file)).size }
}

function writeBlob(text) {
  const file = `${createHash('sha256').update(text).digest('hex')}.json`
  writeFileSync(join(work, file), text)
  return file
}

function tar(args) {
  const same = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--format=gnu']
  execFileSync('tar', [...same, ...args], { stdio: 'inherit' })
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1)
}
