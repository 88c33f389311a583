import { readLaunchRecord } from '../../config/launch-record.ts'

/** Whoever keeps the daemon running and starts it again when it ends: our supervisor, systemd or Docker. */
export interface Keeper {
  /** True also while the daemon is being started again. */
  running(): Promise<boolean>
  /** Ends the daemon for good; false when it was not running. */
  stop(): Promise<boolean>
  /** Hands over the log, with `follow` also what is added to it, without end. */
  log(out: (text: string) => void, follow: boolean): Promise<void>
}

/** A daemon that was started a moment ago and is waited for. */
export interface Starting {
  /** What it logged, when it has ended; undefined while it lives. */
  ended(): Promise<readonly string[] | undefined>
}

/** The keeper of the daemon that was launched last on this host. */
export async function currentKeeper(): Promise<Keeper> {
  const record = readLaunchRecord()
  switch (record?.keeper) {
    case 'docker': {
      const { DockerKeeper } = await import('./docker-keeper.ts')
      return new DockerKeeper(record)
    }
    case 'systemd': {
      const { SystemdKeeper } = await import('./systemd-keeper.ts')
      return new SystemdKeeper()
    }
    default: {
      const { SupervisorKeeper } = await import('./supervisor-keeper.ts')
      return new SupervisorKeeper(record?.logFile)
    }
  }
}
