import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseMac } from '../lib/mac.ts'
import { formatPeerName, parsePeerName } from '../lib/peer-name.ts'
import { seededRng } from '../lib/rng.ts'
import { choosePeerName, type PeerNameSources, readSystemIds } from './peer-name-source.ts'

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const MACHINE = encode('0123456789abcdef0123456789abcdef\n')
const PRODUCT = encode('4C4C4544-0044-4A10-8052-B4C04F4E4C31\n')
const NONE = new Uint8Array(0)

const sources: PeerNameSources = {
  option: undefined,
  bridgeMac: undefined,
  ids: { machineId: MACHINE, productUuid: PRODUCT },
  persisted: undefined,
  rng: seededRng(1),
}
const choose = (changed: Partial<PeerNameSources>): string => {
  const { name, from } = choosePeerName({ ...sources, ...changed })
  return `${from} ${formatPeerName(name)}`
}

test('the name comes from the option, the bridge, the ids of the host, in this order', () => {
  const bridgeMac = parseMac('0a:00:00:00:00:07')
  assert.equal(choose({ option: '::5', bridgeMac }), 'option 00:00:00:00:00:05')
  assert.equal(choose({ bridgeMac }), 'bridge 0a:00:00:00:00:07')
  assert.equal(choose({}), 'system f6:16:07:44:c6:7f')
  assert.equal(choose({ ids: { machineId: MACHINE, productUuid: NONE } }), 'system 0a:39:ab:6e:42:c6')
})

test('a persisted name counts where it is the old style one, and where the host has no id', () => {
  const oldStyle = parsePeerName('26:c2:f4:7b:fd:2e')
  const other = parsePeerName('::9')
  assert.equal(choose({ persisted: oldStyle }), 'persisted 26:c2:f4:7b:fd:2e')
  assert.equal(choose({ persisted: other }), 'system f6:16:07:44:c6:7f')
  assert.equal(
    choose({ persisted: other, ids: { machineId: NONE, productUuid: NONE } }),
    'persisted 00:00:00:00:00:09',
  )
})

test('a host without any id gets a random, locally administered name', () => {
  const { name, from } = choosePeerName({ ...sources, ids: { machineId: NONE, productUuid: NONE } })
  assert.equal(from, 'random')
  assert.match(formatPeerName(name), /^.[26ae]:/)
})

test('ids are read raw, with the dbus copy and the hypervisor as second choice', async () => {
  const root = await mkdtemp(join(tmpdir(), 'weave-ids-'))
  try {
    const empty = await readSystemIds(root, join(root, 'sys'))
    assert.deepEqual(empty, { machineId: NONE, productUuid: NONE })

    await mkdir(join(root, 'var/lib/dbus'), { recursive: true })
    await mkdir(join(root, 'sys/hypervisor'), { recursive: true })
    await writeFile(join(root, 'var/lib/dbus/machine-id'), 'dbus\n')
    await writeFile(join(root, 'sys/hypervisor/uuid'), 'xen\n')
    const second = await readSystemIds(root, join(root, 'sys'))
    assert.deepEqual(second, { machineId: encode('dbus\n'), productUuid: encode('xen\n') })

    // An empty file is an answer too.
    await mkdir(join(root, 'etc'))
    await writeFile(join(root, 'etc/machine-id'), '')
    assert.deepEqual((await readSystemIds(root, join(root, 'sys'))).machineId, NONE)
  } finally {
    await rm(root, { recursive: true })
  }
})

test('an id that exists but cannot be read is an error that says what to do', async () => {
  const root = await mkdtemp(join(tmpdir(), 'weave-ids-'))
  try {
    await mkdir(join(root, 'etc/machine-id'), { recursive: true })
    await assert.rejects(readSystemIds(root, root), /machine-id.*--name/)
  } finally {
    await rm(root, { recursive: true })
  }
})
