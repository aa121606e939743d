import { PiriError } from "../../../base/errors.ts";
import type {
  HostReader,
  ProgramAnswer,
  StepProgram,
} from "../../host/host.ts";

/** Locale in which programs print what is read here. */
export const NEUTRAL = { LC_ALL: "C.UTF-8", LANGUAGE: "" } as const;

/** Longest text of a program in an error, in characters. */
const MAX_SAID = 600;

/**
 * Asks a program that only looks.
 *
 * @throws {PiriError} FAILED_PRECONDITION with what it says if it ends with another code
 */
export async function ask(
  argv: readonly string[],
  reader: HostReader,
  { codes = [0], env = {} }: {
    codes?: readonly number[];
    env?: Readonly<Record<string, string>> | undefined;
  } = {},
): Promise<ProgramAnswer> {
  const answer = await reader.ask({
    argv,
    cwd: "/",
    env: { ...NEUTRAL, ...env },
  });
  if (codes.includes(answer.code)) return answer;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot go on: ${argv[0]} says: ${saidBy(answer)}`,
  );
}

/** Variables of a program, beside those of the host. */
type Variables = Readonly<Record<string, string>>;

/** Program that changes packages: a cancel waits for it. */
export function transactionProgram(
  argv: readonly string[],
  own: Variables,
  given: Variables = {},
): StepProgram {
  return { argv, cwd: "/", env: { ...own, ...given }, shielded: true };
}

/** Words of a program about its failure, in one line. */
export function saidBy({ code, stdout, stderr }: ProgramAnswer): string {
  const said = stderr.trim() === "" ? stdout : stderr;
  const lines = said.split("\n").map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("W:"))
    .map((line) => line.replace(/^E: /, ""));
  const text = lines.slice(-5).join(" ");
  if (text === "") return `nothing, with exit code ${code}`;
  return text.length > MAX_SAID
    ? `${text.slice(0, MAX_SAID).toWellFormed()}…`
    : text;
}

/** Time of the last change of the newest of these paths, in milliseconds since 1970; undefined if none is there. */
export async function newestTime(
  paths: readonly string[],
  reader: HostReader,
): Promise<number | undefined> {
  const found = paths.filter((path) => reader.followed(path) !== undefined);
  if (found.length === 0) return undefined;
  const { stdout } = await reader.ask({
    argv: ["stat", "-L", "-c", "%Y", "--", ...found],
    cwd: "/",
    env: NEUTRAL,
  });
  const seconds = stdout.split("\n").filter((line) => /^\d+$/.test(line));
  if (seconds.length === 0) return undefined;
  return Math.max(...seconds.map(Number)) * 1_000;
}
