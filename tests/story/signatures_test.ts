import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import type { Executables } from "../support/executables.ts";
import { type Fleet, startFleet } from "../support/fleet.ts";
import { Laptop } from "../support/laptop.ts";
import { program } from "../support/program.ts";
import { story } from "../support/story.ts";

/** Operators on machines of their own, each with a login and a key for signing. */
async function laptops(
  fleet: Fleet,
  executables: Executables,
  names: readonly string[],
): Promise<{ laptop: Laptop; line: string }[]> {
  using control = await fleet.control();
  const found: { laptop: Laptop; line: string }[] = [];
  for (const name of names) {
    const { login } = await control.operators.addOperator({
      name,
      role: "operator",
      rules: [{ on: "web-*", operations: ["command.Run"] }],
    });
    const laptop = await Laptop.loggedIn(name, login, executables, fleet);
    const made = await laptop.does("key", "make", "--name", name);
    found.push({ laptop, line: made.stdout.trim() });
  }
  return found;
}

/** Fleet with an agent that runs nothing unless alice and bob, the first two of these, have signed it. */
async function signedFleet(
  executables: Executables,
  names: readonly string[] = ["alice", "bob"],
) {
  const fleet = await startFleet(executables, {
    agents: ["web-1"],
    managerConfig: { control: "127.0.0.1:0" },
  });
  const people = await laptops(fleet, executables, names);
  const [alice, bob] = people;
  if (!alice || !bob) throw new TypeError("two people are needed");
  const policy = await fleet.folder.write(
    "a-web-1/policy.yaml",
    [
      "mode: all",
      `signers:\n  ${alice.line}\n  ${bob.line}`,
      "require: [{ do: command.Run, signatures: 2 }]\n",
    ].join("\n"),
  );
  await Deno.chmod(policy, 0o600);
  const agent = fleet.agent("web-1");
  await agent.stop();
  await fleet.disconnected("web-1");
  agent.start();
  await fleet.connected("web-1");
  return { fleet, people: people.map(({ laptop }) => laptop) };
}

/** Program that prints two lines. */
const TWO_LINES = ["--", ...program("printLines", "line", "2")];

story(
  "a command runs once two operators have signed it, and too few or strangers do not count",
  async (executables) => {
    const names = ["alice", "bob", "eve"];
    const signed = await signedFleet(executables, names);
    await using fleet = signed.fleet;
    const [alice, bob, eve] = signed.people;
    if (!alice || !bob || !eve) throw new TypeError("three are needed");
    const sign = ["--sign", "--signatures", "2"];

    const unsigned = await alice.does("run", "web-1", ...TWO_LINES);
    const alone = await alice.does("run", "web-1", "--sign", ...TWO_LINES);
    await using first = alice.start("run", "web-1", ...sign, ...TWO_LINES);
    await first.printed(/a-1 needs? 1 more|Waiting for approval a-1/, "stderr");
    const bySame = await alice.does("sign", "a-1");
    const byEve = await eve.does("sign", "a-1");
    const strange = await first.end();
    await using second = alice.start("run", "web-1", ...sign, ...TWO_LINES);
    await second.printed(/Waiting for approval a-2/, "stderr");
    const shown = await bob.does("sign", "a-2", "--show");
    const byBob = await bob.does("sign", "a-2");
    const ended = await second.end();

    assertEquals(unsigned.code, ExitCode.refused);
    assertStringIncludes(
      unsigned.stderr,
      "requires 2 signatures, and it has none",
    );
    assertEquals(alone.code, ExitCode.refused);
    assertStringIncludes(alone.stderr, "requires 2 signatures, and it has 1");
    assertEquals(bySame.code === ExitCode.ok, false);
    assertEquals(byEve.code, ExitCode.ok);
    assertEquals(strange.code, ExitCode.refused);
    assertStringIncludes(strange.stderr, "requires 2 signatures");
    assertMatch(shown.stdout, /^on: +web-1$/m);
    assertEquals(byBob.code, ExitCode.ok);
    assertEquals(ended.code, ExitCode.ok);
    assertEquals(ended.stdout, "line 1\nline 2\n");
    const commands = await fleet.json("commands");
    assertEquals(
      commands.map(({ state }) => state).toSorted(),
      ["refused", "refused", "refused", "succeeded"],
    );
  },
);

story(
  "a command that was changed on the Manager after it was signed is refused by the host",
  async (executables) => {
    const { fleet: started, people: [alice, bob] } = await signedFleet(
      executables,
    );
    await using fleet = started;
    if (!alice || !bob) throw new TypeError("two are needed");
    await fleet.agent("web-1").stop();
    await fleet.disconnected("web-1");
    const queue = ["--queue", "1h", "--detach", "--sign", "--signatures", "2"];
    await alice.does("run", "web-1", ...queue, ...TWO_LINES);
    const signed = await bob.does("sign", "a-1");
    await fleet.serving.stop();
    const changed = changeJob(`${fleet.dir}/manager.db`, (params) => ({
      ...params,
      argv: [...program("printLines", "changed", "3")],
    }));
    await fleet.startManager();

    fleet.agent("web-1").start();
    await fleet.connected("web-1");
    await fleet.state("j-1", ({ state }) => state === "refused");

    assertEquals([signed.code, changed], [ExitCode.ok, 1]);
    const { stdout } = await fleet.manager("show", "j-1/web-1");
    assertStringIncludes(stdout, "its statement has other parameters");
    assertEquals(stdout.includes("changed 1"), false);
  },
);

/** Changes what a job does, as somebody would who has taken over the Manager. Returns how many there are. */
function changeJob(
  path: string,
  change: (params: Record<string, unknown>) => Record<string, unknown>,
): number {
  const db = new DatabaseSync(path);
  try {
    const [row, ...others] = db.prepare("SELECT id, params FROM jobs").all();
    const params = change(JSON.parse(String(row?.["params"])));
    db.prepare("UPDATE jobs SET params = ? WHERE id = ?")
      .run(JSON.stringify(params), row?.["id"] ?? null);
    return 1 + others.length;
  } finally {
    db.close();
  }
}
