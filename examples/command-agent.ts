/**
 * What a command agent written in TypeScript needs: Quorate hands it its task as one JSON document on standard input,
 * and takes JSON on standard output for the answer. An exit code other than 0 is a failure, standard error its reason.
 */
import { text } from 'node:stream/consumers'

/** @throws what `perform` throws is told as the reason of the failure: a message, no stack. */
export async function commandAgent<Input>(perform: (input: Input) => unknown): Promise<void> {
  try {
    const { input } = JSON.parse(await text(process.stdin)) as { input: Input }
    process.stdout.write(JSON.stringify(perform(input)))
  } catch (error) {
    process.stderr.write(error instanceof Error ? error.message : String(error))
    process.exitCode = 1
  }
}
