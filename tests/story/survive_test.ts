import { assertEquals, assertMatch } from "@std/assert";
import { OnDisconnect } from "../../proto/gen/piri/control/v1/control_messages.ts";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import type { Piece } from "../chaos/chaos_order.ts";
import { outputOf } from "../chaos/investigate.ts";
import { type Fleet, startFleet } from "../support/fleet.ts";
import { until } from "../support/live_program.ts";
import {
  oddSeconds,
  processesWith,
  untilProcesses,
} from "../support/processes.ts";
import { NEEDS_PROC, story } from "../support/story.ts";

const LINUX = { ignored: NEEDS_PROC };

/** Line for the shell that counts until a file is there, and then ends with a code. */
function counting(file: string, code = 0): string {
  return `i=0; while [ ! -e '${file}' ]; do i=$((i+1)); echo $i; echo e$i >&2; sleep 0.02; done; exit ${code}`;
}

story(
  "a program with --survive outlives a killed agent, and its output and exit code arrive whole",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const enough = fleet.folder.at("enough");
    const running = fleet.spawn(
      ...["run", "web-1", "--survive", "--shell", counting(enough, 7)],
    );
    await running.printed(/^20$/m);

    await fleet.agent("web-1").kill();
    const last = Number(running.stdout.trimEnd().split("\n").at(-1));
    fleet.agent("web-1").start();
    await fleet.connected("web-1");
    await running.printed(new RegExp(`^${last + 100}$`, "m"));
    await Deno.writeTextFile(enough, "");
    const { code, stdout } = await running.end();

    assertEquals(code, ExitCode.failed);
    const count = stdout.split("\n").length - 1;
    const numbers = [...Array(count).keys()].map((i) => i + 1);
    assertEquals(stdout, numbers.map((i) => `${i}\n`).join(""));
    const [command] = await fleet.json("commands");
    assertEquals([command?.state, command?.exitCode], ["failed", 7]);
    assertEquals(command?.survive, true);
    const kept = `${fleet.agent("web-1").dir}/survivors`;
    await until(
      "nothing of it is left",
      async () =>
        (await Array.fromAsync(Deno.readDir(kept)))
          .every(({ isDirectory }) => !isDirectory),
    );
  },
  LINUX,
);

story(
  "a program with --survive that ends while no agent runs is reported by the next one",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const go = fleet.folder.at("go");
    const done = fleet.folder.at("done");
    const running = fleet.spawn(
      ...["run", "web-1", "--survive", "--shell"],
      `echo before; while [ ! -e '${go}' ]; do sleep 0.02; done; echo after; echo odd >&2; touch '${done}'`,
    );
    await running.printed(/before\n/);

    await fleet.agent("web-1").stop();
    await Deno.writeTextFile(go, "");
    await until("it has ended", () => exists(done));
    fleet.agent("web-1").start();
    const { code, stdout, stderr } = await running.end();

    assertEquals([code, stdout], [ExitCode.ok, "before\nafter\n"]);
    assertMatch(stderr, /^odd$/m);
  },
  LINUX,
);

story(
  "a cancel of a program with --survive ends its tree, also if it came while no agent ran",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    const [first, second] = [oddSeconds(), oddSeconds()];
    const one = await startTree(fleet, first);
    const two = await startTree(fleet, second);
    // Each is a shell with two programs.
    await untilProcesses(first, 3);
    await untilProcesses(second, 3);

    await fleet.agent("web-1").kill();
    const early = fleet.spawn("cancel", one);
    await early.printed(/cancel/, "stderr").catch(() => {});
    fleet.agent("web-1").start();
    await fleet.connected("web-1");
    await untilProcesses(first, 0);
    await fleet.manager("cancel", two);
    await untilProcesses(second, 0);

    await until(
      "both have ended",
      async () =>
        (await fleet.json("commands")).every(({ state }) =>
          state === "cancelled"
        ),
    );
    assertEquals(processesWith(first).length, 0);
  },
  LINUX,
);

/** Count of commands at a time, below the agent's limit, and of times that the agent is killed in their middle. */
const AT_ONCE = 20;
const KILLS = 5;

story(
  "100 programs in whose middle their agent is killed all end, and none runs twice",
  async (executables) => {
    await using fleet = await startFleet(executables, { agents: ["web-1"] });
    using control = await fleet.control();
    const effects = fleet.folder.at("effects");
    await Deno.writeTextFile(effects, "");
    const numbers = [...Array(AT_ONCE * KILLS).keys()];
    const ids = new Map<number, bigint>();
    for (let kill = 0; kill < KILLS; kill++) {
      const batch = numbers.slice(kill * AT_ONCE, (kill + 1) * AT_ONCE);
      const go = fleet.folder.at(`go-${kill}`);
      for (const n of batch) {
        const { commands } = await control.commands.run({
          agents: ["web-1"],
          operation: "command.Run",
          params: JSON.stringify({ shell: printing(n, { effects, go }) }),
          requestId: `request ${n}`,
          onDisconnect: OnDisconnect.CONTINUE,
          survive: true,
        });
        ids.set(n, commands[0]?.id ?? 0n);
        await until(
          `program ${n} runs`,
          async () =>
            (await Deno.readTextFile(effects)).split("\n").includes(String(n)),
        );
      }
      await fleet.agent("web-1").kill();
      fleet.agent("web-1").start();
      await fleet.connected("web-1");
      await Deno.writeTextFile(go, "");
      for (const n of batch) {
        await until(`command ${n} has ended`, async () => {
          const { commands } = await control.commands.listCommands({
            limit: AT_ONCE,
          });
          return commands.some(({ id, finishedAtMs }) =>
            id === ids.get(n) && finishedAtMs !== undefined
          );
        });
      }
    }

    const { commands } = await control.commands.listCommands({ limit: 200 });
    const lines = (await Deno.readTextFile(effects)).trimEnd().split("\n");
    assertEquals(lines.map(Number).sort((a, b) => a - b), numbers);
    assertEquals(
      commands.map(({ exitCode }) => exitCode),
      numbers.map((n) => n % 7).reverse(),
    );
    for (const [n, { id }] of commands.toReversed().entries()) {
      const pieces = await outputOf(control, id);
      const [out, err] = [textOf(pieces, "stdout"), textOf(pieces, "stderr")];
      const count = out.split("\n").length - 1;
      assertEquals(out, counted(`${n} out`, count));
      assertEquals(err, counted(`${n} err`, count));
    }
  },
  LINUX,
);

/** Line for the shell that notes its effect, prints until a file is there, and ends with a code of its own. */
function printing(
  n: number,
  { effects, go }: { effects: string; go: string },
): string {
  return `echo ${n} >>'${effects}'; i=0; while [ ! -e '${go}' ]; do i=$((i+1)); echo "${n} out $i"; echo "${n} err $i" >&2; sleep 0.5; done; exit ${
    n % 7
  }`;
}

function counted(words: string, count: number): string {
  return [...Array(count).keys()].map((i) => `${words} ${i + 1}\n`).join("");
}

function textOf(pieces: readonly Piece[], stream: Piece["stream"]): string {
  return pieces.filter((piece) => piece.stream === stream)
    .map(({ bytes }) => new TextDecoder().decode(bytes)).join("");
}

async function startTree(fleet: Fleet, seconds: string): Promise<string> {
  const { stdout } = await fleet.manager(
    ...["run", "web-1", "--survive", "--detach", "--shell"],
    `env -i setsid /bin/sleep ${seconds} & /bin/sleep ${seconds}; wait`,
  );
  return stdout.trim();
}

async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}
