import { projectFile } from '../../test/support/project.ts'
import type { Datapath } from './paths.ts'
import { CONTAINER_ADDRESS, HOSTS, UNDERLAY_ADDRESS } from './topology.ts'

export interface WeaveVariant {
  readonly overlay: 'fastdp' | 'sleeve'
  readonly password?: true
  readonly cipher?: 'secretbox' | 'aes-gcm'
}

/** Our own daemons, as a user gets them: launched, connected, the containers attached by the daemon. */
export function weave(variant: WeaveVariant): Datapath {
  return async (topology) => {
    const cli = projectFile('bin/weave')
    for (const host of [...HOSTS].reverse()) {
      const state = `${topology.directory}/${host}`
      topology.daemon(
        host,
        `weave${host}`,
        [
          process.execPath,
          projectFile('dist/daemon.js'),
          '--data-dir',
          state,
          '--socket',
          `${state}/weave.sock`,
          '--docker-api',
          '',
          '--plugin=false',
          '--no-dns',
          '--name',
          host === 'A' ? '02:00:00:00:00:01' : '02:00:00:00:00:02',
          ...(variant.overlay === 'sleeve' ? ['--no-fastdp'] : []),
          ...(host === 'A' ? [UNDERLAY_ADDRESS.B] : []),
        ],
        variant.password ? { WEAVE_PASSWORD: 'a benchmark password of some length' } : {},
      )
    }
    const environment = (host: string): Record<string, string> => ({
      WEAVE_SOCKET: `${topology.directory}/${host}/weave.sock`,
    })
    for (const host of HOSTS) {
      await topology.waitFor(
        'the daemon',
        () => topology.run(host, `${cli} status`, environment(host)).length > 0,
      )
    }
    await topology.waitFor(`an established ${variant.overlay} connection`, () =>
      new RegExp(`established.*${variant.overlay}`).test(
        topology.run('A', `${cli} status connections`, environment('A')),
      ),
    )
    for (const host of HOSTS) {
      topology.run(
        host,
        `${cli} attach ${CONTAINER_ADDRESS[host]}/24 /run/netns/${topology.namespace(`${host}c`)}`,
        environment(host),
      )
    }
  }
}
