import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  CommandResult_Status,
  CommandState_State,
} from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { UpdateParts } from "../../../lib/agent/update/update_parts.ts";
import { guardPath, slotExecutable } from "../../../lib/update/slot_links.ts";
import { type ProgramKind, UpdateHost } from "../../support/update_host.ts";

const ignore = Deno.build.os === "windows";

const { SUCCESS, FAILED } = CommandResult_Status;

Deno.test({
  name:
    "an update runs the new version, which tells the result of the command itself",
  ignore,
  async fn() {
    await using host = await UpdateHost.running("0.2.0");
    host.release("0.3.0");
    await host.updates({ version: "0.3.0", confirmMs: 10_000 });

    assertEquals(await host.restarts(), "version 0.3.0 takes over from 0.2.0");
    const hello = host.hellos.at(-1);
    assertEquals(hello?.installation?.kind, "slots");
    assertEquals(hello?.installation?.trial, "0.2.0");
    assertEquals(
      hello?.commands.map(({ commandId, state }) => [commandId, state]),
      [[17n, CommandState_State.RUNNING]],
    );
    await host.clock.advance(9_000);
    assertEquals(host.results, []);
    await host.clock.advance(1_000);
    const { commandId, status, changed, output } = await host.result();

    assertEquals([commandId, status, changed], [17n, SUCCESS, true]);
    assertEquals(
      output,
      "version 0.3.0 runs since it took over from 0.2.0",
    );
    assertEquals((await host.note()).state, "confirmed");
    assertEquals(await host.current(), "0.3.0");
    const program = await Deno.stat(slotExecutable(host.root, "0.3.0"));
    assertEquals((await Deno.stat(guardPath(host.root))).ino, program.ino);
  },
});

Deno.test({
  name:
    "an update fetches the pieces that differ only, and those of an earlier attempt not again",
  ignore,
  async fn() {
    await using host = await UpdateHost.running("0.2.0");
    const files = host.release("0.3.0");
    const program = files.get("piri-agent-linux-x64") ?? new Uint8Array();
    files.set("piri-agent-linux-x64", program.slice(0, 0));
    await host.updates({ version: "0.3.0" });
    const first = await host.result();
    assertEquals(first.status, FAILED);
    assertStringIncludes(first.output, "not those that the manifest names");
    files.set("piri-agent-linux-x64", program);
    host.asked.splice(0);
    await host.updates({ version: "0.3.0" }, 18n);
    await host.restarts();

    const pieces = host.asked.filter((asked) => asked.startsWith("piri-agent"));
    assertEquals(pieces, ["piri-agent-linux-x64 0"]);
    assertEquals(
      await Deno.readFile(slotExecutable(host.root, "0.3.0")),
      program,
    );
  },
});

/** A change for a refusal, and words of its sentence. */
interface Refusal {
  readonly parts?: Partial<UpdateParts>;
  readonly params?: Record<string, unknown>;
  readonly kind?: ProgramKind;
  readonly release?: { floor?: string; target?: string };
  readonly spoil?: (
    host: UpdateHost,
    files: Map<string, Uint8Array>,
  ) => void | Promise<unknown>;
  readonly says: string;
}

const REFUSALS: Readonly<Record<string, Refusal>> = {
  "by a key that is not known": {
    parts: { keys: () => [] },
    says: "it is signed by the key 0101010101010101, which is not one of ours",
  },
  "with another manifest than was signed": {
    spoil: (_, files) => {
      files.set("manifest", new TextEncoder().encode("{}"));
    },
    says: "its signature is that of another file",
  },
  "that is another than it should be": {
    spoil: (host, files) => {
      host.releases.set("0.4.0", files);
    },
    params: { version: "0.4.0" },
    says: "the manifest is that of version 0.3.0",
  },
  "for another target": {
    release: { target: "linux-arm64" },
    says: "it has no piri-agent for linux-x64, only for linux-arm64",
  },
  "below the highest floor that was seen": {
    spoil: (host) => Deno.writeTextFile(`${host.dir}/update-floor`, "0.3.1\n"),
    says: "0.3.1 is the lowest that may still be run",
  },
  "below its own floor": {
    release: { floor: "0.3.5" },
    says: "0.3.5 is the lowest that may still be run",
  },
  "below the one that runs": {
    parts: { version: "0.3.1" },
    says: "it is lower than 0.3.1, which runs; use --allow-downgrade",
  },
  "without room for it": {
    parts: { freeBytes: () => Promise.resolve(10_000) },
    says: "has 10000 bytes free, and 1",
  },
  "of a package": {
    parts: {
      installed: { kind: "package" },
      executable: "/usr/bin/piri-agent",
    },
    says: "/usr/bin/piri-agent belongs to a package; upgrade it by",
  },
  "outside of slots": {
    parts: { installed: { kind: "loose" }, executable: "/root/piri-agent" },
    says: "/root/piri-agent is not installed as a service; run piri-agent",
  },
  "that the owner of the host forbids": {
    parts: { isAllowed: () => false },
    says: "the owner of this host does it by hand (updates: manual in",
  },
  "without a guard": {
    spoil: (host) => Deno.remove(guardPath(host.root)),
    says: "there would be no way back without",
  },
  "where nothing starts the agent again": {
    parts: { isRestarted: false },
    says: "no service manager started this agent",
  },
  "on a system where it is not possible yet": {
    parts: { target: "macos-arm64" },
    says: "an agent on macos-arm64 cannot replace itself yet",
  },
  "that is no version": {
    params: { version: "../../x" },
    says: 'Cannot update to "../../x": it is not a version',
  },
  "that the Manager does not have": {
    params: { version: "0.9.0" },
    says: "Cannot find it",
  },
  "without a version": {
    params: {},
    says: "neither a version nor back is given",
  },
  "back where there is no other version": {
    params: { back: true },
    says: "/versions has no version but 0.2.0",
  },
  "of a program that does not start": {
    kind: { text: "#!/nowhere\n" },
    says: "it does not start, exit code 126",
  },
  "of a program that says another version": {
    kind: { says: "0.3.9" },
    says: "it says that it is version 0.3.9",
  },
  "of a program whose check fails": {
    kind: { check: "echo 'FAILED  tls  wrong certificate'; exit 6" },
    says: "its check of this host fails, exit code 6: FAILED  tls",
  },
};

Deno.test({
  name: "a guard that stays is started once, after the switch",
  ignore,
  async fn() {
    await using host = await UpdateHost.running("0.2.0");
    await host.stops();
    const seen: string[] = [];
    host.change = {
      watch: () => {
        const link = Deno.readLinkSync(`${host.root}/current`);
        const note = Deno.readTextFileSync(`${host.dir}/update.json`);
        seen.push(link, JSON.parse(note).state);
      },
    };
    await host.startUntilUp();
    host.release("0.3.0");
    await host.updates({ version: "0.3.0" });
    await host.restarts();

    assertEquals(seen, ["versions/0.3.0", "trial"]);
  },
});

Deno.test({
  name: "a guard that cannot be started undoes the switch",
  ignore,
  async fn() {
    await using host = await UpdateHost.running("0.2.0");
    await host.stops();
    host.change = {
      watch: () => {
        throw new TypeError("there is no guard");
      },
    };
    await host.startUntilUp();
    host.release("0.3.0");
    await host.updates({ version: "0.3.0" });
    const { status, output } = await host.resultHere();

    assertEquals(status, FAILED);
    assertStringIncludes(output, "there is no guard");
    assertEquals(await host.current(), "0.2.0");
    assertEquals((await host.note()).state, "failed");
  },
});

for (const [what, refusal] of Object.entries(REFUSALS)) {
  Deno.test({
    name: `an update ${what} switches nothing`,
    ignore,
    async fn() {
      await using host = await UpdateHost.running("0.2.0");
      await host.stops();
      host.change = refusal.parts ?? {};
      await host.startUntilUp();
      const files = host.release("0.3.0", refusal.kind, refusal.release);
      await refusal.spoil?.(host, files);
      await host.updates(refusal.params ?? { version: "0.3.0" });
      const { status, output } = await host.resultHere();

      assertEquals(status, FAILED);
      assertStringIncludes(output, refusal.says);
      assertEquals(await host.current(), "0.2.0");
      assertEquals(await host.slots(), ["0.2.0"]);
    },
  });
}

Deno.test({
  name: "a version below the one that runs is installed if that is meant",
  ignore,
  async fn() {
    await using host = await UpdateHost.running("0.3.0");
    host.release("0.2.9");
    await host.updates({ version: "0.2.9", allowDowngrade: true });
    await host.restarts();

    assertEquals(await host.current(), "0.2.9");
  },
});

Deno.test({
  name: "an update to the version that runs succeeds and changes nothing",
  ignore,
  async fn() {
    await using host = await UpdateHost.running("0.2.0");
    await host.updates({ version: "0.2.0" });
    const { status, changed, output } = await host.result();

    assertEquals([status, changed], [SUCCESS, false]);
    assertEquals(output, "version 0.2.0 runs already");
  },
});

Deno.test({
  name: "--back leads to the version before, which is on trial, too",
  ignore,
  async fn() {
    await using host = await UpdateHost.running("0.2.0");
    host.release("0.3.0");
    await host.updates({ version: "0.3.0", confirmMs: 1_000 });
    await host.restarts();
    await host.clock.advance(1_000);
    await host.result();
    host.asked.splice(0);
    await host.updates({ back: true, confirmMs: 1_000 }, 18n);
    await host.restarts();
    await host.clock.advance(1_000);
    const { status, output } = await host.result();

    assertEquals(status, SUCCESS);
    assertEquals(output, "version 0.2.0 runs since it took over from 0.3.0");
    assertEquals(host.asked, []);
  },
});

Deno.test({
  name:
    "slots of older versions are gone once the result is told, so no next update loses its own",
  ignore,
  async fn() {
    await using host = await UpdateHost.running("0.2.0");
    await host.place("0.1.0");
    host.release("0.3.0");
    await host.updates({ version: "0.3.0", confirmMs: 1_000 });
    await host.restarts();
    await host.clock.advance(1_000);
    await host.result();

    assertEquals(await host.slots(), ["0.2.0", "0.3.0"]);
  },
});

Deno.test({
  name: "an update is refused while another one updates the agent",
  ignore,
  async fn() {
    await using host = await UpdateHost.running("0.2.0");
    host.release("0.3.0");
    await host.commands({ commandId: 16n, type: "echo.Echo" });
    await host.updates({ version: "0.3.0", idleMs: 60_000 });
    await host.updates({ version: "0.3.0" }, 18n);
    const refused = await host.result();
    host.workers.jobs[0]?.ends();
    assertEquals((await host.result()).commandId, 16n);
    await host.ticks(host.wantsRestart());

    assertEquals(refused.commandId, 18n);
    assertEquals(refused.status, FAILED);
    assertEquals(
      refused.output,
      "Cannot update: command 17 updates this agent already; wait for its result",
    );
  },
});

for (const params of [{ version: "0.4.0" }, { back: true }]) {
  Deno.test({
    name: `an update by ${
      JSON.stringify(params)
    } is refused while a version is on trial`,
    ignore,
    async fn() {
      await using host = await UpdateHost.running("0.2.0");
      host.release("0.3.0");
      host.release("0.4.0");
      await host.updates({ version: "0.3.0", confirmMs: 10_000 });
      await host.restarts();
      await host.updates(params, 18n);
      const refused = await host.result();
      await host.clock.advance(10_000);
      const { commandId, status } = await host.result();

      assertEquals(refused.commandId, 18n);
      assertEquals(
        refused.output,
        "Cannot update: version 0.3.0 is on trial by command 17; wait for its result",
      );
      assertEquals([commandId, status], [17n, SUCCESS]);
      assertEquals(await host.current(), "0.3.0");
    },
  });
}

Deno.test({
  name: "an update that is cancelled before the switch changes nothing",
  ignore,
  async fn() {
    await using host = await UpdateHost.running("0.2.0");
    host.release("0.3.0");
    await host.commands({ commandId: 16n, type: "echo.Echo" });
    await host.updates({ version: "0.3.0", idleMs: 60_000 });
    await host.cancels(17n);
    const { commandId, status } = await host.result();

    assertEquals(commandId, 17n);
    assertEquals(status, CommandResult_Status.CANCELLED);
    assertEquals(await host.current(), "0.2.0");
  },
});

Deno.test({
  name:
    "an update waits for other commands, and gives up if they take too long",
  ignore,
  async fn() {
    await using host = await UpdateHost.running("0.2.0");
    host.release("0.3.0");
    await host.commands({ commandId: 16n, type: "echo.Echo" });
    await host.updates({ version: "0.3.0", idleMs: 1_000 });
    const waited = host.result();
    await host.ticks(waited);
    assertStringIncludes(
      (await waited).output,
      "1 commands still run after 1 s; nothing was switched",
    );
    await host.updates({ version: "0.3.0", idleMs: 3_600_000 }, 18n);
    host.workers.jobs[0]?.ends();
    assertEquals((await host.result()).commandId, 16n);
    const restarts = host.wantsRestart();
    await host.ticks(restarts);

    assertEquals(await host.current(), "0.3.0");
  },
});

Deno.test({
  name: "commands that run at the switch end as at any stop, and none is lost",
  ignore,
  async fn() {
    await using host = await UpdateHost.running("0.2.0");
    host.release("0.3.0");
    await host.commands({ commandId: 16n, type: "echo.Echo" });
    await host.updates({ version: "0.3.0", confirmMs: 1_000 });
    await host.wantsRestart();
    const [job] = host.workers.jobs;
    const restarted = host.restarts();
    await host.clock.settle();
    job?.ends();
    await restarted;
    await host.clock.advance(1_000);
    const first = await host.result();
    const second = await host.result();

    assertEquals([first.commandId, first.status], [16n, FAILED]);
    assertStringIncludes(first.output, "agent stopped");
    assertEquals([second.commandId, second.status], [17n, SUCCESS]);
  },
});
