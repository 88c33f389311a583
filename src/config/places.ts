/** What the daemon, its supervisor and the commands agree on without configuration. */
export const RUNTIME_DIRECTORY = '/var/run/weave'

/** How the daemon was launched; removed by `weave reset`, kept by `weave stop`. */
export const LAUNCH_RECORD = `${RUNTIME_DIRECTORY}/launch.json`

/** Locked and filled while a supervisor runs. */
export const SUPERVISOR_PID = `${RUNTIME_DIRECTORY}/supervisor.pid`

/** Set to `systemd` or `docker` where one of them starts the daemon instead of our supervisor. */
export const KEEPER_VARIABLE = 'WEAVE_KEEPER'

/** Tells a restarted daemon from a newly launched one: the same id means restarted. */
export const LAUNCH_ID_VARIABLE = 'WEAVE_LAUNCH_ID'
