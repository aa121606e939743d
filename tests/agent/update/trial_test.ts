import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { CommandResult_Status } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { HostFiles } from "../../../lib/service/host_files.ts";
import { guardPath, slotExecutable } from "../../../lib/update/slot_links.ts";
import { type ProgramKind, UpdateHost } from "../../support/update_host.ts";

const ignore = Deno.build.os === "windows";

const { SUCCESS, FAILED } = CommandResult_Status;

/** Longest time until a version that does not work is given up, besides its trial, in milliseconds. */
const RESTARTS_MS = 5 * 5_000;

const TRIAL_MS = 120_000;

/** A version that does not work once it has been switched to. */
interface Broken {
  readonly kind?: ProgramKind;
  /** Spoils the program after it was tried. */
  readonly spoil?: (program: string) => Promise<void>;
  readonly isDeaf?: boolean;
  /** Words of the reason and of the log. */
  readonly says: readonly string[];
}

const THREE_TIMES =
  "version 0.3.0 was given up, and 0.2.0 runs again: it was started 3 times, and did not stay up until it was confirmed";

const BROKEN: Readonly<Record<string, Broken>> = {
  "throws at its start": {
    kind: { run: "echo TypeError: x is undefined >&2; exit 1" },
    says: [THREE_TIMES, "TypeError: x is undefined"],
  },
  "is truncated": {
    spoil: (program) => Deno.truncate(program, 7),
    says: [THREE_TIMES],
  },
  "cannot be executed": {
    spoil: (program) => Deno.chmod(program, 0o644),
    says: [THREE_TIMES, "Permission"],
  },
  "is killed at its start": {
    kind: { run: "kill -9 $$" },
    says: [THREE_TIMES],
  },
  "is deaf": {
    isDeaf: true,
    says: [
      "it was not connected and confirmed in time: nobody answers",
      "Version 0.3.0 is given up, and 0.2.0 starts again",
    ],
  },
};

for (const [what, { kind, spoil, isDeaf, says }] of Object.entries(BROKEN)) {
  Deno.test({
    name: `a version that ${what} is given up, and the one before says why`,
    ignore,
    async fn() {
      await using host = await UpdateHost.running("0.2.0");
      host.release("0.3.0", kind);
      if (isDeaf) host.deaf.add("0.3.0");
      await host.commands({ commandId: 16n, type: "echo.Echo" });
      host.workers.jobs[0]?.ends();
      assertEquals((await host.result()).commandId, 16n);
      await host.updates({
        version: "0.3.0",
        confirmMs: 10_000,
        trialMs: TRIAL_MS,
      });
      await host.wantsRestart();
      await spoil?.(slotExecutable(host.root, "0.3.0"));
      const begun = host.clock.now();
      await host.restarts();
      if (isDeaf) {
        await host.clock.advance(TRIAL_MS);
        await host.restarts();
      }
      const { commandId, status, output } = await host.result();

      assertEquals([commandId, status], [17n, FAILED]);
      for (const words of says) assertStringIncludes(output, words);
      assertEquals(await host.current(), "0.2.0");
      assertEquals((await host.note()).state, "failed");
      const most = (isDeaf ? TRIAL_MS : 0) + 2 * 20_000 + RESTARTS_MS;
      assert(host.clock.now() - begun <= most);
      await host.commands({ commandId: 18n, type: "echo.Echo" });
      host.workers.jobs[0]?.ends();
      assertEquals((await host.result()).status, SUCCESS);
    },
  });
}

Deno.test({
  name: "an outage of the Manager during a trial takes nothing back",
  ignore,
  async fn() {
    await using host = await UpdateHost.running("0.2.0");
    host.release("0.3.0");
    await host.updates({
      version: "0.3.0",
      confirmMs: 10_000,
      trialMs: TRIAL_MS,
    });
    await host.wantsRestart();
    await host.managerIs("away");
    await host.restarts();
    const begun = await host.note();
    await host.clock.advance(TRIAL_MS);
    const once = await host.noteAfter(begun);
    await host.clock.advance(TRIAL_MS);
    const twice = await host.noteAfter(once);
    assert(Number(twice.deadline) > Number(once.deadline));
    await host.managerIs("here");
    await host.clock.advance(70_000);
    const { status } = await host.result();

    assertEquals(status, SUCCESS);
    assertEquals(await host.current(), "0.3.0");
  },
});

Deno.test({
  name: "a connection that breaks begins the time of the confirmation anew",
  ignore,
  async fn() {
    await using host = await UpdateHost.running("0.2.0");
    host.release("0.3.0");
    await host.updates({ version: "0.3.0", confirmMs: 60_000 });
    await host.restarts();
    await host.clock.advance(59_000);
    await host.managerIs("away");
    await host.clock.advance(5_000);
    await host.managerIs("here");
    await host.clock.advance(20_000);
    assertEquals(host.results, []);
    await host.clock.advance(60_000);

    assertEquals((await host.result()).status, SUCCESS);
  },
});

Deno.test({
  name: "a version on trial that is killed goes on with its trial",
  ignore,
  async fn() {
    await using host = await UpdateHost.running("0.2.0");
    host.release("0.3.0");
    await host.updates({ version: "0.3.0", confirmMs: 10_000 });
    await host.restarts();
    await host.dies();
    await host.startUntilUp();
    assertEquals((await host.note()).starts, 2);
    await host.clock.advance(10_000);

    assertEquals((await host.result()).status, SUCCESS);
    assertEquals(host.starts, ["0.2.0", "0.3.0", "0.3.0"]);
  },
});

Deno.test({
  name: "a note that is garbage is no trial, and its command is told as lost",
  ignore,
  async fn() {
    await using host = await UpdateHost.running("0.2.0");
    host.release("0.3.0");
    await host.updates({ version: "0.3.0" });
    await host.wantsRestart();
    await Deno.writeTextFile(`${host.dir}/update.json`, '{"state":"tri');
    await host.restarts();

    assertEquals((await host.result()).status, CommandResult_Status.LOST);
    assertEquals(await host.current(), "0.3.0");
  },
});

/** Files of a host that loses its power at one write: before it, or just after it. */
class CrashingFiles extends HostFiles {
  writes = 0;
  /** Number of the write at which it crashes, and when. */
  crash: { readonly at: number; readonly when: "before" | "after" } | undefined;
  readonly crashed = Promise.withResolvers<void>();

  override write(path: string, text: string, mode?: number) {
    return this.#step(() => super.write(path, text, mode));
  }

  override link(path: string, target: string) {
    return this.#step(() => super.link(path, target));
  }

  override moveProgram(from: string, to: string) {
    return this.#step(() => super.moveProgram(from, to));
  }

  override secondName(program: string, name: string) {
    return this.#step(() => super.secondName(program, name));
  }

  override remove(path: string) {
    return this.#step(() => super.remove(path));
  }

  async #step<T>(write: () => Promise<T>): Promise<T> {
    const { at, when } = this.crash ?? { at: 0, when: "before" };
    this.writes++;
    if (this.writes !== at) return await write();
    if (when === "after") await write();
    this.crashed.resolve();
    // Nothing happens any more in a process that is dead.
    return await new Promise<never>(() => {});
  }
}

/** Writes of an update: the floor, the program, the note, the link; then its start, and its confirmation. */
const WRITES_UNTIL_SWITCH = 4;

for (let at = 1; at <= WRITES_UNTIL_SWITCH; at++) {
  for (const when of ["before", "after"] as const) {
    Deno.test({
      name:
        `a crash ${when} write ${at} of a switch leaves a version that runs`,
      ignore,
      async fn() {
        const files = new CrashingFiles();
        await using host = await UpdateHost.running("0.2.0", { files });
        host.release("0.3.0");
        files.writes = 0;
        files.crash = { at, when };
        await host.updates({ version: "0.3.0", confirmMs: 10_000 });
        await files.crashed.promise;
        files.crash = undefined;
        await host.dies();
        await host.startUntilUp();
        await host.clock.advance(10_000);
        const { status } = await host.result();

        const isSwitched = at === WRITES_UNTIL_SWITCH && when === "after";
        assertEquals(await host.current(), isSwitched ? "0.3.0" : "0.2.0");
        // Until the note is written, nobody can know how far it came.
        const hasNote = at === WRITES_UNTIL_SWITCH ||
          at === WRITES_UNTIL_SWITCH - 1 && when === "after";
        const unnoted = hasNote ? FAILED : CommandResult_Status.LOST;
        assertEquals(status, isSwitched ? SUCCESS : unnoted);
      },
    });
  }
}

for (const when of ["before", "after"] as const) {
  for (const [at, what] of ["the note", "the guard"].entries()) {
    Deno.test({
      name: `a crash ${when} a confirmation writes ${what} loses no result`,
      ignore,
      async fn() {
        const files = new CrashingFiles();
        await using host = await UpdateHost.running("0.2.0", { files });
        host.release("0.3.0");
        await host.updates({ version: "0.3.0", confirmMs: 10_000 });
        await host.restarts();
        files.writes = 0;
        files.crash = { at: at + 1, when };
        await host.clock.advance(10_000);
        await files.crashed.promise;
        files.crash = undefined;
        await host.dies();
        await host.startUntilUp();
        await host.clock.advance(10_000);

        assertEquals((await host.result()).status, SUCCESS);
        assertEquals(await host.current(), "0.3.0");
        const program = slotExecutable(host.root, "0.3.0");
        assertEquals(
          (await Deno.stat(guardPath(host.root))).ino,
          (await Deno.stat(program)).ino,
        );
      },
    });
  }
}
