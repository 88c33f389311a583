import type { Outcome } from './lab.ts'

/** A command of the recording where ours is meant to do something else. */
interface Difference {
  readonly cmd: string
  readonly reason: string
  readonly result: Outcome
}

const outcome = (status: number, stdout: string, stderr: string): Outcome => ({ status, stdout, stderr })

/** By the command's index in the recording. */
export const transcriptDifferences: ReadonlyMap<number, Difference> = new Map([
  [
    6,
    {
      cmd: 'weave ps',
      reason: 'Without a bridge there is nothing to list: no failure.',
      result: outcome(0, '', ''),
    },
  ],
  [
    28,
    {
      cmd: 'weave attach nosuch',
      reason: 'Attaching is done by the daemon: without it that is what is missing.',
      result: outcome(7, '', 'weave container is not present. Have you launched it?\n'),
    },
  ],
  [
    29,
    {
      cmd: 'weave detach nosuch',
      reason: 'Detaching is done by the daemon: without it that is what is missing.',
      result: outcome(7, '', 'weave container is not present. Have you launched it?\n'),
    },
  ],
  [
    32,
    {
      cmd: 'weave setup-cni',
      reason: 'There is no CNI plugin yet.',
      result: outcome(1, '', 'there is no CNI plugin in this release\n'),
    },
  ],
  [
    33,
    {
      cmd: 'weave launch --bogus-flag',
      reason: 'The command reads the flags itself and says what is wrong.',
      result: outcome(1, '', 'flag provided but not defined: --bogus-flag\n'),
    },
  ],
  [
    36,
    {
      cmd: 'weave status',
      reason: 'The launch before was refused before anything was started.',
      result: outcome(1, '\n\n', 'weave container is not present. Have you launched it?\n'),
    },
  ],
  [
    37,
    {
      cmd: 'weave reset',
      reason: 'The launch before was refused before anything was started.',
      result: outcome(0, '', 'Weave is not running (ignore on Kubernetes).\n'),
    },
  ],
  [
    44,
    {
      cmd: 'weave bridge-type',
      reason: 'The recording machine had no fast datapath.',
      result: outcome(0, 'bridged_fastdp\n', ''),
    },
  ],
  [
    46,
    {
      cmd: 'weave env',
      reason: 'There is no Docker API proxy.',
      result: outcome(0, '', 'there is no Docker API proxy in this release; use docker run --net=weave\n'),
    },
  ],
  [
    47,
    {
      cmd: 'weave config',
      reason: 'There is no Docker API proxy.',
      result: outcome(1, '', 'there is no Docker API proxy in this release; use docker run --net=weave\n'),
    },
  ],
  [69, { cmd: 'weave ps nosuch', reason: 'The original prints an empty line.', result: outcome(0, '', '') }],
  [86, { cmd: 'weave detach c1', reason: 'Nothing to detach is no failure.', result: outcome(0, '', '') }],
  [
    87,
    {
      cmd: 'weave detach net:10.2.7.0/24 c1',
      reason: 'Nothing to detach is no failure.',
      result: outcome(0, '', ''),
    },
  ],
  [
    92,
    {
      cmd: 'weave expose --without-masquerade net:10.2.9.0/24',
      reason: 'Options may come before addresses.',
      result: outcome(0, '10.2.9.1\n', ''),
    },
  ],
  [
    94,
    {
      cmd: 'weave ps weave:expose',
      reason: 'The exposure two commands before was accepted.',
      result: outcome(0, 'weave:expose 00:00:00:00:00:04 10.2.0.1/16 10.9.5.1/24 10.2.9.1/24\n', ''),
    },
  ],
  [
    96,
    {
      cmd: 'weave hide',
      reason: 'The exposure before was accepted.',
      result: outcome(0, '10.2.0.1 10.2.9.1\n', ''),
    },
  ],
  [
    104,
    {
      cmd: 'weave connect nosuch.invalid',
      reason: 'The lab has no name server.',
      result: outcome(1, '', 'lookup nosuch.invalid: the name server does not answer\n'),
    },
  ],
  [
    105,
    {
      cmd: 'weave connect --replace',
      reason: 'The original meant to take it, but its script fails.',
      result: outcome(0, '', ''),
    },
  ],
  [
    111,
    {
      cmd: "weave report -f '{{.Nope}}'",
      reason: 'Place and cause are said as well.',
      result: outcome(
        1,
        '',
        `error during template execution
template: format:1:2: executing "format" at <.Nope>: can't evaluate field Nope in type struct
`,
      ),
    },
  ],
  [
    113,
    {
      cmd: 'weave report -f 2>&1 | head -2',
      reason: 'The usage is preceded by what is wrong.',
      result: outcome(0, "error: option '-f, --format <template>' argument missing\nUSAGE", ''),
    },
  ],
  [
    114,
    {
      cmd: 'weave report x y 2>&1 | head -2',
      reason: 'The usage is preceded by what is wrong.',
      result: outcome(
        0,
        "error: too many arguments for 'report'. Expected 0 arguments but got 2.\nUSAGE",
        '',
      ),
    },
  ],
  [
    122,
    {
      cmd: 'weave stop',
      reason: 'Who is attached is asked only while there is something to stop.',
      result: outcome(0, '', 'Weave is not running (ignore on Kubernetes).\n'),
    },
  ],
  [
    128,
    {
      cmd: 'weave reset',
      reason: 'Docker keeps a network that is in use: said once, in our words.',
      result: outcome(
        0,
        '',
        'WARNING: the following containers are still attached to network "weave":\n  ID12 \nDocker operations involving those containers may pause or fail\nwhile Weave is not running\n',
      ),
    },
  ],
  [
    129,
    {
      cmd: 'weave reset',
      reason: 'Docker keeps a network that is in use: said in our words.',
      result: outcome(
        0,
        '',
        'Weave is not running (ignore on Kubernetes).\nunable to remove network: error while removing network: network weave id ID64 has active endpoints\n',
      ),
    },
  ],
])
