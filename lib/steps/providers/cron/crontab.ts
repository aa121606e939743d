import { PiriError } from "../../../base/errors.ts";
import type { HostReader, HostWriter } from "../../host/host.ts";
import { hasProgram } from "../programs.ts";

/** Lines around the block of a job, and those in it; undefined if there is no block. */
export interface CrontabLines {
  readonly before: readonly string[];
  readonly block: readonly string[] | undefined;
  readonly after: readonly string[];
}

/** True if users have crontabs on this host. */
export function hasCrontab(reader: HostReader): boolean {
  return hasProgram("crontab", reader);
}

/** Words for a crontab that is not there: of most versions of cron, and of busybox. */
const NONE = /no crontab for|No such file or directory/;

/**
 * Lines of a user's crontab; none if there is no crontab.
 *
 * @throws {PiriError} UNAVAILABLE if it cannot be read, so that it must not be written either
 */
export async function crontabOf(
  user: string,
  reader: HostReader,
): Promise<readonly string[]> {
  // A user that is still to be made has none.
  if (reader.foreseen({ kind: "user", name: user }) !== undefined) return [];
  return await reader.shared(
    { name: `crontab of ${user}`, paths: ["/var/spool/cron", "/etc/crontabs"] },
    async () => {
      const { code, stdout, stderr } = await reader.ask({
        argv: ["crontab", "-u", user, "-l"],
        env: { LC_ALL: "C.UTF-8" },
      });
      if (code !== 0 && NONE.test(stderr)) return [];
      if (code !== 0) {
        throw new PiriError(
          "UNAVAILABLE",
          `Cannot read the crontab of "${user}": ${
            stderr.trim() || `crontab ended with exit code ${code}`
          }`,
        );
      }
      const lines = stdout.split("\n");
      if (lines.at(-1) === "") lines.pop();
      return lines;
    },
  );
}

/**
 * Finds the block of a job.
 *
 * @throws {PiriError} FAILED_PRECONDITION if its last line is missing
 */
export function findBlock(
  job: string,
  lines: readonly string[],
): CrontabLines {
  const [begin, end] = marksOf(job);
  const first = lines.indexOf(begin);
  if (first < 0) return { before: lines, block: undefined, after: [] };
  const last = lines.indexOf(end, first);
  if (last < 0) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot edit the crontab: its line "${begin}" has no partner "${end}"; mend it by hand`,
    );
  }
  return {
    before: lines.slice(0, first),
    block: lines.slice(first + 1, last),
    after: lines.slice(last + 1),
  };
}

/** Writes the crontab of a user. */
export async function writeCrontab(
  user: string,
  job: string,
  { lines: { before, block, after }, writer }: {
    readonly lines: CrontabLines;
    readonly writer: HostWriter;
  },
): Promise<void> {
  const [begin, end] = marksOf(job);
  const marked = block === undefined ? [] : [begin, ...block, end];
  const lines = [...before, ...marked, ...after];
  const { code, signal } = await writer.run({
    argv: ["crontab", "-u", user, "-"],
    env: { LC_ALL: "C.UTF-8" },
    stdin: lines.map((line) => `${line}\n`).join(""),
  });
  if (code === 0) return;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot write the crontab of "${user}": crontab ended with ${
      signal ?? `exit code ${code}`
    }`,
  );
}

function marksOf(job: string): readonly [string, string] {
  return [
    `# BEGIN job ${job}, managed by Piri`,
    `# END job ${job}, managed by Piri`,
  ];
}
