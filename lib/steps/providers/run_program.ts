import { PiriError } from "../../base/errors.ts";
import type { HostWriter, StepProgram } from "../host/host.ts";

/**
 * Runs a program that must succeed.
 *
 * @param what Words for what it is run for, as "change packages"
 * @throws {PiriError} FAILED_PRECONDITION
 */
export async function runProgram(
  program: StepProgram,
  what: string,
  writer: HostWriter,
): Promise<void> {
  const { code, signal } = await writer.run(program);
  if (code === 0) return;
  const end = signal === undefined ? `with exit code ${code}` : `by ${signal}`;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot ${what}: ${program.argv?.[0]} ended ${end}, see its output`,
  );
}
