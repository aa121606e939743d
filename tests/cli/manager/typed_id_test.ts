import { assertEquals } from "@std/assert";
import {
  EntryState,
  JobState,
} from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { FakeManager, job } from "../fake_manager.ts";
import { inOrder, without } from "./job/entries.ts";
import { see } from "./start.ts";

const PLAN = "piri-manager plan show p-17, or piri-manager apply p-17";
const APPROVAL =
  "piri-manager approval show a-5, or piri-manager approval withdraw a-5";
const JOB = "piri-manager job show j-17";
const ENTRY = `piri-manager show j-17/web-1, or ${JOB}`;

for (
  const [words, id, thing, hint] of [
    ["show", "p-17", "a plan", PLAN],
    ["show", "a-5", "a job that waits for approvals", APPROVAL],
    ["job show", "p-17", "a plan", PLAN],
    ["job watch", "a-5", "a job that waits for approvals", APPROVAL],
    ["job cancel", "j-17/web-1", "an agent of a job", ENTRY],
    ["job list --before", "p-17", "a plan", PLAN],
    ["plan show", "j-17", "a job", JOB],
    ["plan withdraw", "a-5", "a job that waits for approvals", APPROVAL],
    ["approval show", "j-17", "a job", JOB],
    ["approve", "j-17/web-1", "an agent of a job", ENTRY],
    ["give-up", "j-17", "a job", JOB],
    ["commands --before", "j-17/web-1", "an agent of a job", ENTRY],
    ["commands --job", "p-17", "a plan", PLAN],
    ["sign", "j-17/web-1", "an agent of a job", ENTRY],
  ] as const
) {
  Deno.test(`${words} ${id} says that it is ${thing}, and what shows it`, async () => {
    const { code, stderr } = await see([...words.split(" "), id], {});

    assertEquals(
      [code, stderr],
      [2, `error: Cannot take "${id}" here: it is ${thing}\nhint: ${hint}\n`],
    );
  });
}

/** Manager with a job of which no agent has got a command. */
function withoutCommands(): FakeManager {
  const manager = new FakeManager();
  manager.jobs = [job({ state: JobState.RUNNING })];
  manager.entries = inOrder([
    without("web-1", EntryState.SKIPPED, "the job was cancelled"),
    without("web-2", EntryState.WAITING),
    without("web-3", EntryState.EXPIRED, "its agent was not connected in time"),
  ]);
  return manager;
}

const OPEN = "piri-manager job watch j-17, or piri-manager job cancel j-17";

for (
  const [words, attempt, agent, fact, hint] of [
    [
      "cancel",
      "cancel",
      "web-1",
      "it has no command, it is skipped: the job was cancelled",
      "piri-manager show j-17/web-1",
    ],
    ["cancel", "cancel", "web-2", "it has no command yet, it is waiting", OPEN],
    [
      "watch",
      "watch",
      "web-3",
      "it has no command, it is expired: its agent was not connected in time",
      "piri-manager show j-17/web-3",
    ],
    ["watch", "watch", "web-2", "it has no command yet, it is waiting", OPEN],
    [
      "show --output",
      "show",
      "web-1",
      "it has no command, it is skipped: the job was cancelled",
      "piri-manager show j-17/web-1",
    ],
    [
      "rerun",
      "run again",
      "web-1",
      "it has no command, it is skipped: the job was cancelled",
      "piri-manager rerun j-17 --on web-1",
    ],
  ] as const
) {
  Deno.test(`${words} of an agent without a command names its end: ${agent}`, async () => {
    const { code, stderr } = await see(
      [...words.split(" "), `j-17/${agent}`],
      { manager: withoutCommands() },
    );

    assertEquals(
      [code, stderr],
      [1, `error: Cannot ${attempt} j-17/${agent}: ${fact}\nhint: ${hint}\n`],
    );
  });
}

for (const name of ["show", "why"]) {
  Deno.test(`${name} of an agent without a command tells its state and reason`, async () => {
    const manager = withoutCommands();
    const skipped = await see([name, "j-17/web-1"], { manager });
    const json = await see([name, "j-17/web-3", "--json"], { manager });

    assertEquals(
      [skipped.code, skipped.stdout],
      [
        0,
        "entry:   j-17/web-1\nstate:   skipped\nreason:  the job was cancelled\njob:     true\n",
      ],
    );
    assertEquals(
      [json.code, JSON.parse(json.stdout).state],
      [0, "expired"],
    );
  });
}
