import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { canaries, formsToFind } from "../support/canaries.ts";
import { CANARY } from "../support/canary_watch.ts";
import { startFleet } from "../support/fleet.ts";
import { program } from "../support/program.ts";
import { commandLines, filesWith } from "../support/search_files.ts";
import { NEEDS_PROC, story } from "../support/story.ts";

function countOf(text: string, part: string): number {
  return text.split(part).length - 1;
}

story(
  "twenty secrets reach a program, and none is left in any of nine forms",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const { folder } = fleet;
    const secrets = canaries(20);
    const own = folder.at("own");
    await Deno.mkdir(own);
    const flags = ["--secret-stdin", "secret-19"];
    const variables: string[] = [];
    using control = await fleet.control();
    for (const [n, value] of secrets.entries()) {
      await Deno.writeTextFile(`${own}/${n}`, value);
      const name = `secret-${n}`;
      await control.secrets.setSecret({ name, value, forTargets: "web-1" });
      const [flag, variable] = n % 2 === 0
        ? ["--secret-env", `VAR_${n}`]
        : ["--secret-file", `FILE_${n}`];
      const from = n % 4 < 2 ? `file:${own}/${n}` : name;
      flags.push(...n === 19 ? [] : [flag, `${variable}=${from}`]);
      variables.push(...n === 19 ? [] : [variable]);
    }
    const go = folder.at("go");
    await using running = fleet.spawn(
      ...["run", "web-1", ...flags, "--"],
      ...program("tellSecrets", go, ...variables),
    );
    await running.printed(/ready/);
    const forms = secrets.flatMap(formsToFind);
    const lines = commandLines();
    assertEquals(forms.filter((form) => lines.includes(form)), []);
    await Deno.writeTextFile(go, "");

    const { stdout, stderr, code } = await running.end();
    assertEquals(code, 1);
    assertStringIncludes(stdout, "input: ***\n");
    assertEquals(countOf(stdout, "***"), 19 * 9 + 1);
    assertStringIncludes(
      stderr,
      `failed with ${Array(19).fill("***").join()}`,
    );
    const shown = await fleet.manager("show", "1");
    assertMatch(shown.stdout, /masked 191 times/);
    const seen = [
      ...[stdout, stderr, shown.stdout, shown.stderr],
      (await fleet.manager("--json", "show", "1", "--output")).stdout,
      (await fleet.manager("--json", "events", "--tail", "1000")).stdout,
      (await fleet.manager("--json", "audit", "list")).stdout,
      ...[fleet.serving.stdout, fleet.serving.stderr],
      fleet.agent("web-1").running.stdout,
      fleet.agent("web-1").running.stderr,
    ].join("\n");
    assertEquals(forms.filter((form) => seen.includes(form)), []);
    const folders = [folder.path, "/dev/shm"];
    assertEquals(await filesWith(forms, folders, own), []);
  },
  { ignored: NEEDS_PROC },
);

story(
  "a stored secret is set on the command line, and goes to the agents that it is for alone",
  async (executables) => {
    await using fleet = await startFleet(executables, {
      agents: ["web-1", "db-1"],
    });
    using control = await fleet.control();
    await control.secrets.setSecret({ name: "token", value: "hunter22" });
    const run = (agent: string) =>
      fleet.manager(
        ...["run", agent, "--secret-stdin", "token", "--"],
        ...program("hashStdin"),
      );
    const early = await run("web-1");
    assertMatch(early.stderr, /it is for no agent yet/);
    await fleet.manager("secret", "edit", "token", "--for", "web-1");

    const hashed = await run("web-1");
    assertEquals(hashed.stdout, `${await sha256Of("hunter22")}\n`);
    const denied = await run("db-1");
    assertEquals([denied.stdout, denied.code], ["", 4]);
    assertMatch(denied.stderr, /to agent "db-1": it is for "web-1"/);
    const listed = await fleet.json("secret", "list");
    assertEquals(listed.filter(({ name }) => name !== CANARY), [
      { name: "token", group: null, agent: null, for: "web-1" },
    ]);
  },
);

story(
  "a job with a given secret cannot be repeated, and one that waits fails after a restart",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const file = await fleet.folder.write("own", "hunter22");
    const flags = ["--secret-stdin", `file:${file}`];
    const argv = ["--", ...program("hashStdin")];
    await fleet.manager("run", "web-1", ...flags, ...argv);
    const again = await fleet.manager("rerun", "j-1");
    assertMatch(again.stderr, /is nowhere any more; ask again with the secret/);
    await fleet.agent("web-1").stop();
    await fleet.disconnected("web-1");
    const queue = ["--queue", "1h", "--detach"];
    await fleet.manager("run", "web-1", ...queue, ...flags, ...argv);
    await fleet.serving.stop();
    await fleet.startManager();
    fleet.agent("web-1").start();

    await fleet.state("j-2", ({ state }) => state === "failed");
    const { stdout } = await fleet.manager("show", "j-2/web-1");
    assertMatch(
      stdout,
      /"given:stdin": it came with a request, and is nowhere/,
    );
  },
);

async function sha256Of(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
