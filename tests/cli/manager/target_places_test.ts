import { assertEquals } from "@std/assert";
import { PiriError } from "../../../lib/base/errors.ts";
import { parseTargets } from "../../../lib/targets/parse_targets.ts";
import { resolveTargets } from "../../../lib/targets/resolve_targets.ts";
import { FakeManager } from "../fake_manager.ts";
import { see } from "./start.ts";

/** Agents that the Manager knows. */
const AGENTS = ["web-1", "web-2"].map((name) => ({
  name,
  groups: ["web"],
  facts: {},
  connected: true,
}));

/** Error that a Manager has for expressions. */
function errorFor(expressions: readonly string[]): PiriError {
  try {
    resolveTargets(parseTargets(expressions), {
      agents: AGENTS,
      sets: () => new Set(),
    });
  } catch (error) {
    if (error instanceof PiriError) return error;
    throw error;
  }
  throw new Error("the expressions mean agents");
}

for (
  const [args, file, expressions, line] of [
    [
      ["db-1", "web-[9"],
      "",
      ["db-1", "web-[9"],
      'Cannot read the targets in argument 2, "web-[9": the bracket is not closed',
    ],
    [
      ["--targets-file", "hosts"],
      "# ours\nweb-1\n\nweb-2 # new\nweb-[9\n",
      ["web-1", "web-2", "web-[9"],
      'Cannot read the targets in line 5 of "hosts", "web-[9": the bracket is not closed',
    ],
    [
      ["web-1", "--exclude", "a b"],
      "",
      ["a b"],
      'Cannot read the targets in --exclude, "a b": an operator is missing at column 3',
    ],
    [
      ["web-1", "wbe-1", "wbe-[1-2]", "web-2"],
      "",
      ["web-1", "wbe-1", "wbe-[1-2]", "web-2"],
      "Cannot find the targets in argument 2, argument 3: there are no agents wbe-[1-2]",
    ],
    [
      ["--targets-file", "hosts"],
      "web-1\r\n@wbe\r\n",
      ["web-1", "@wbe"],
      'Cannot find the targets in line 2 of "hosts": there is no group "wbe"',
    ],
    [
      ["--targets-file", "-"],
      "web-1\nrole=db\n",
      ["web-1", "role=db"],
      'Cannot find the targets in line 2 of stdin: no agent has the fact "role"',
    ],
    [
      ["web-1, wbe-2"],
      "",
      ["web-1, wbe-2"],
      'Cannot find the targets "web-1, wbe-2": there is no agent "wbe-2"',
    ],
  ] as const
) {
  Deno.test(`targets ${args.join(" ")} ${JSON.stringify(file)} names the place of a mistake`, async () => {
    const manager = new FakeManager();
    manager.targets = errorFor(expressions);
    const { stderr } = await see(["targets", ...args], {
      manager,
      files: { hosts: file },
      stdin: file,
    });

    assertEquals(stderr.slice("error: ".length, 7 + line.length), line);
  });
}

Deno.test("an unknown name of an own expression in a file names its line", async () => {
  const { code, stderr } = await see(["targets", "--targets-file", "hosts"], {
    files: { hosts: "web-1\n%web-prd\n" },
  });

  assertEquals(code, 5);
  assertEquals(
    stderr.split("\n")[0],
    'error: Cannot find the targets "%web-prd" in line 2 of "hosts": there is no file with names for target expressions',
  );
});
