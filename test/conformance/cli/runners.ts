import type { Runners } from '../case.ts'

/** The recorded session needs dockerd and a host of its own. */
export const cliRunners: Runners = {
  'cli/transcript-original-2.8.json': function* (commands: readonly { readonly cmd: string }[]) {
    for (const [index, { cmd }] of commands.entries()) {
      yield { case: `${index}: ${cmd}`, notRun: 'replayed on a lab host by test/lab/cli-transcript.test.ts' }
    }
  },
}
