/**
 * Writes docs/cli.md and the manual pages in docs/man from the tables of the command lines, the steps in
 * docs/operations.md from their descriptions, and the table of them in docs/states.md. With --check, reports if they are
 * stale.
 *
 * @module
 */
import { fromFileUrl } from "@std/path";
import { agentProgram } from "../lib/cli/agent/program.ts";
import type { AgentServices } from "../lib/cli/agent/services.ts";
import type { Program } from "../lib/cli/command.ts";
import { managerProgram } from "../lib/cli/manager/program.ts";
import type { ManagerServices } from "../lib/cli/manager/services.ts";
import { PiriError } from "../lib/base/errors.ts";
import { buildInfo } from "../lib/base/version.ts";
import { main, say } from "./build/main.ts";
import { stepDescriptions } from "../lib/steps/registry.ts";
import { manPage } from "./docs/man.ts";
import { withSteps } from "./docs/steps.ts";
import { commandLineMarkdown } from "./docs/markdown.ts";
import { withStepOperations } from "./docs/step_operations.ts";

/** Date of the pages: that of the last change of their form. The text has the version. */
const DATE = "2026-11-27";

const ROOT = new URL("../", import.meta.url);

/** Programs without services: nothing is run. */
function programs(): Program<unknown>[] {
  const options = { build: buildInfo(), defaultDir: () => "" };
  return [
    managerProgram({ ...options, services: {} as ManagerServices }),
    agentProgram({ ...options, services: {} as AgentServices }),
  ] as Program<unknown>[];
}

/** Page that is written by hand but for one part. */
const OPERATIONS = "docs/operations.md";

async function textAt(path: string): Promise<string> {
  return await Deno.readTextFile(new URL(path, ROOT));
}

/** Texts of all pages by their paths. */
async function pages(): Promise<ReadonlyMap<string, string>> {
  const all = programs();
  return new Map([
    ["docs/cli.md", await formatted(commandLineMarkdown(all))],
    [OPERATIONS, await formatted(withSteps(await textAt(OPERATIONS)))],
    [
      "docs/states.md",
      await formatted(withStepOperations(
        await Deno.readTextFile(new URL("docs/states.md", ROOT)),
        stepDescriptions,
      )),
    ],
    ...all.map((program): [string, string] => [
      `docs/man/${program.name}.1`,
      manPage(program, DATE),
    ]),
  ]);
}

/** Markdown as `deno fmt` wants it. */
async function formatted(text: string): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", "md", "-"],
    cwd: fromFileUrl(ROOT),
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { success, code, stdout } = await child.output();
  if (success) return new TextDecoder().decode(stdout);
  throw new PiriError(
    "INTERNAL",
    `Cannot format a page: deno fmt ended with ${code}`,
  );
}

await main(async () => {
  const check = Deno.args.includes("--check");
  const stale: string[] = [];
  for (const [path, text] of await pages()) {
    const url = new URL(path, ROOT);
    const former = await Deno.readTextFile(url).catch(() => "");
    if (former === text) continue;
    stale.push(path);
    if (check) continue;
    await Deno.mkdir(new URL("./", url), { recursive: true });
    await Deno.writeTextFile(url, text);
    say(`wrote ${path}`);
  }
  if (!check || stale.length === 0) return;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot find these pages as they should be: ${
      stale.join(", ")
    }; run "deno task docs" and commit them`,
  );
});
