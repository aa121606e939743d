import { assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { parse } from "yaml";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { CiJob } from "../support/brief.ts";
import { startFleet } from "../support/fleet.ts";
import { LiveProgram } from "../support/live_program.ts";
import { NEEDS_PROC, story } from "../support/story.ts";

const EXAMPLES = fromFileUrl(new URL("../../examples/ci/", import.meta.url));

/** Part of a CI system that is not Piri's: variables and secrets by their names. */
type Secrets = Readonly<Record<string, string>>;

/** Script that a CI system starts, with its environment. */
interface Step {
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
  /** Name that keeps a second job from running at the same time. */
  readonly group: string;
}

/** Reads the workflow as GitHub does, as far as it is used. */
function githubStep(text: string, secrets: Secrets): Step {
  const { concurrency, jobs } = parse(text);
  const [step] = jobs.deploy.steps;
  const env = Object.entries<string>(step.env).map(([name, value]) => [
    name,
    value.replaceAll(
      /\$\{\{ secrets\.(\w+) \}\}/g,
      (_, secret: string) => secrets[secret] ?? "",
    ),
  ]);
  return {
    script: step.run,
    env: Object.fromEntries(env),
    group: concurrency.group,
  };
}

/** Reads the pipeline as GitLab does, as far as it is used. */
function gitlabStep(text: string, secrets: Secrets): Step {
  const { deploy } = parse(text);
  const env = Object.entries<string>(deploy.variables).map(([name, value]) => [
    name,
    value.replaceAll(/\$(\w+)/g, (_, secret: string) => secrets[secret] ?? ""),
  ]);
  return {
    script: deploy.script.join("\n"),
    env: Object.fromEntries(env),
    group: deploy.resource_group,
  };
}

/** Parts of a text, each at most this long. */
function partsOf(text: string, most: number): string[] {
  return text.match(new RegExp(`.{1,${most}}`, "g")) ?? [];
}

for (
  const [file, stepOf] of [
    ["github-actions.yml", githubStep],
    ["gitlab-ci.yml", gitlabStep],
  ] as const
) {
  story(
    `the commands of examples/ci/${file} deploy to agents, one job at a time`,
    async (executables) => {
      await using fleet = await startFleet(executables, {
        agents: ["web-1", "web-2", "db-1"],
      });
      const job = await CiJob.of(fleet, executables);
      const [one = "", two = "", ...more] = partsOf(job.text.trim(), 1_200);
      const { script, env, group } = stepOf(
        await Deno.readTextFile(join(EXAMPLES, file)),
        {
          PIRI_STATE: job.text,
          PIRI_STATE_1: one,
          PIRI_STATE_2: two,
          PIRI_STATE_3: more.join(""),
        },
      );

      await using step = new LiveProgram(
        file,
        // As both systems run it; the PATH has piri-manager.
        ["bash", "-e", "-c", script],
        { ...await job.surroundings(), ...env },
      );
      const { code, stdout, stderr } = await step.end();

      assertEquals(code, ExitCode.ok, stderr);
      assertMatch(stdout, /deployed on this host/);
      assertMatch(stderr, /2 of 2 agents connected/);
      assertEquals(group, "piri");
      assertEquals(job.files(), []);
    },
    { ignored: NEEDS_PROC },
  );
}
