import { AgentCore } from "../../lib/agent/core.ts";
import { openJournal } from "../../lib/agent/journal/disk_journal.ts";
import { Trial } from "../../lib/agent/update/trial.ts";
import type { UpdateParts } from "../../lib/agent/update/update_parts.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { startLaterIfBusy } from "../../lib/operations/busy_file.ts";
import { HostFiles } from "../../lib/service/host_files.ts";
import type { Ran } from "../../lib/service/host_system.ts";
import { guardStart } from "../../lib/update/guard.ts";
import {
  guardPath,
  installedAt,
  slotExecutable,
} from "../../lib/update/slot_links.ts";
import { KEYLESS_FEATURES } from "../../lib/wire/features.ts";
import { memoryTransports } from "../../lib/wire/memory_transport.ts";
import type { Transport } from "../../lib/wire/transport.ts";
import type {
  ClientHello,
  CommandResult,
} from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { countingRandom } from "./counting_random.ts";
import { FakeClock } from "./fake_clock.ts";
import { FakeWorkers } from "./fake_workers.ts";
import { NO_AUDIT } from "./heard_audit.ts";
import { until } from "./live_program.ts";
import { MemoryDisk } from "./memory_disk.ts";
import { type Init, ScriptedPeer } from "./scripted_peer.ts";
import { signedRelease, TEST_KEY } from "./signed_release.ts";
import { TempFolder } from "./temp_folder.ts";

/** Time after which the service manager starts a program again, in milliseconds. */
const RESTART_MS = 5_000;

/** Most starts of a program until something is wrong with the test. */
const MAX_STARTS = 50;

const MANAGER = "manager-1";

/** Behaviour of a program in these tests. */
export interface ProgramKind {
  /** Version that it says; its own by default. */
  readonly says?: string;
  /** Lines of its `run`: `exit 0` is an agent that works, which the test itself then plays. */
  readonly run?: string;
  /** Lines of its `check`. */
  readonly check?: string;
  /** Text instead of all of it. */
  readonly text?: string;
}

/** Host with slots, a service manager that a test plays, and a Manager at the other end. */
export class UpdateHost implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly root: string;
  readonly dir: string;
  readonly files: HostFiles;
  /** Files of the Manager's releases, by version and name. */
  readonly releases = new Map<string, Map<string, Uint8Array>>();
  /** Requests for parts of releases. */
  readonly asked: string[] = [];
  /** Lines of the log of the service. */
  readonly logged: string[] = [];
  /** Starts of programs, by version. */
  readonly starts: string[] = [];
  /** Hellos that the Manager has heard. */
  readonly hellos: ClientHello[] = [];
  /** Results that the Manager has heard. */
  readonly results: CommandResult[] = [];
  /** Versions that cannot connect. */
  readonly deaf = new Set<string>();
  /** Changes of the parts of an agent. */
  change: Partial<UpdateParts> = {};
  workers = new FakeWorkers();
  #disk = new MemoryDisk();
  #core: AgentCore | undefined;
  #peer: ScriptedPeer | undefined;
  #isAway = false;
  #restarted = Promise.withResolvers<string>();
  #heard = Promise.withResolvers<void>();

  private constructor(readonly folder: TempFolder, files: HostFiles) {
    this.root = folder.at("opt/piri/agent");
    this.dir = folder.at("var");
    this.files = files;
  }

  /** Makes a host on which a version runs. */
  static async running(
    version: string,
    { files = new HostFiles() }: { files?: HostFiles } = {},
  ): Promise<UpdateHost> {
    const host = new UpdateHost(await TempFolder.make(), files);
    await Deno.mkdir(host.dir);
    await host.place(version);
    const real = new HostFiles();
    await real.link(`${host.root}/current`, `versions/${version}`);
    const program = slotExecutable(host.root, version);
    await real.secondName(program, guardPath(host.root));
    await host.startUntilUp();
    return host;
  }

  /** Puts a program into the slot of its version. */
  async place(version: string, kind: ProgramKind = {}): Promise<void> {
    const path = slotExecutable(this.root, version);
    await Deno.mkdir(`${this.root}/versions/${version}/bin`, {
      recursive: true,
    });
    await Deno.writeTextFile(path, this.#program(version, kind), {
      mode: 0o755,
    });
  }

  /** Makes a release, signed, with a program for this host. */
  release(
    version: string,
    kind: ProgramKind = {},
    { floor = "0.1.0", target = "linux-x64" }: Partial<
      Record<"floor" | "target", string>
    > = {},
  ): Map<string, Uint8Array> {
    const program = new TextEncoder().encode(this.#program(version, kind));
    const files = signedRelease(version, program, { floor, target });
    this.releases.set(version, files);
    return files;
  }

  /** Lets the Manager go away, or come back. */
  async managerIs(state: "away" | "here"): Promise<void> {
    this.#isAway = state === "away";
    const note = this.folder.at("outage");
    if (this.#isAway) await Deno.writeTextFile(note, "");
    else await Deno.remove(note);
    if (this.#isAway) this.#peer?.hangUp();
    await this.clock.settle();
  }

  /** Gives the agent a command. */
  async commands(init: Init<"command">): Promise<void> {
    await this.#peer?.says("command", {
      nonce: BigInt(init.commandId ?? 0) + 100n,
      ...init,
    });
    await this.clock.settle();
  }

  /** Asks the agent for an update, by command 17 if no other is named. */
  async updates(
    params: Record<string, unknown>,
    commandId = 17n,
  ): Promise<void> {
    await this.commands({
      commandId,
      type: "agent.Update",
      data: JSON.stringify(params),
    });
  }

  /** Waits for the next result of a command. */
  async result(): Promise<CommandResult> {
    while (this.results.length === 0) await this.#heard.promise;
    return this.results.shift() ?? unreachable();
  }

  /** Asks the agent to end a command. */
  async cancels(commandId: bigint): Promise<void> {
    await this.#peer?.says("cancel", { commandId });
    await this.clock.settle();
  }

  /** Resolves once the agent wants another version to start. */
  wantsRestart(): Promise<string> {
    return this.#restarted.promise;
  }

  /** Lets time go by, a quarter of a second at a time, until something has happened. */
  async ticks(event: Promise<unknown>): Promise<void> {
    let done = false;
    void event.then(() => done = true);
    while (!done) {
      await this.clock.advance(250);
      await runProgram("/bin/true");
    }
  }

  /** Waits for the result of an update that must not be switched to. */
  async resultHere(): Promise<CommandResult> {
    const switched = this.#restarted.promise.then((cause): never => {
      throw new Error(`it was switched: ${cause}`);
    });
    return await Promise.race([this.result(), switched]);
  }

  /** Waits until the agent wants another version to start, and starts what is current as the service manager does. */
  async restarts(): Promise<string> {
    const cause = await this.#restarted.promise;
    await this.stops();
    await this.startUntilUp();
    return cause;
  }

  /** Ends the agent in good order. */
  async stops(): Promise<void> {
    const stopping = this.#core?.stop();
    await this.clock.advance(20_000);
    await stopping;
    this.#peer?.hangUp();
    this.#core = undefined;
  }

  /** Ends the agent as a power cut does. */
  async dies(): Promise<void> {
    this.#disk = this.#disk.afterCrash("kill");
    this.#peer?.hangUp();
    await this.clock.settle();
    this.#core = undefined;
  }

  /** Starts what is current, after its guard, until it stays up. */
  async startUntilUp(): Promise<void> {
    for (let start = 0; start < MAX_STARTS; start++) {
      const version = await this.#start();
      if (version !== undefined) return await this.#play(version);
      await this.clock.advance(RESTART_MS);
    }
    throw new Error(`it does not come up: ${this.starts.join(", ")}`);
  }

  /** Note about the last update. */
  async note(): Promise<Record<string, unknown>> {
    return JSON.parse(await Deno.readTextFile(`${this.dir}/update.json`));
  }

  /** Waits until the note about the last update is another one than `before`, and returns it. */
  async noteAfter(
    before: Record<string, unknown>,
  ): Promise<Record<string, unknown>> {
    return await until("another note about the update", async () => {
      const note = await this.note();
      return JSON.stringify(note) !== JSON.stringify(before) && note;
    });
  }

  /** Version that the service manager would start. */
  async current(): Promise<string> {
    const link = await Deno.readLink(`${this.root}/current`);
    return link.replace("versions/", "");
  }

  /** Versions that have a slot. */
  async slots(): Promise<string[]> {
    return await this.files.list(`${this.root}/versions`);
  }

  /** Parts of an agent of this version. */
  parts(version: string): UpdateParts {
    const executable = slotExecutable(this.root, version);
    return {
      files: this.files,
      dir: this.dir,
      clock: this.clock,
      version,
      product: "piri-agent",
      target: "linux-x64",
      executable,
      installed: installedAt(executable),
      isRestarted: true,
      isAllowed: () => true,
      keys: () => [TEST_KEY],
      freeBytes: () => Promise.resolve(undefined),
      run: runProgram,
      lastLines: () => Promise.resolve(this.logged.join("\n")),
      restart: (cause) => this.#restarted.resolve(cause),
      ...this.change,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#core !== undefined) await this.stops();
    await this.folder[Symbol.asyncDispose]();
  }

  /** Runs the guard and the program. Returns its version if it works. */
  async #start(): Promise<string | undefined> {
    const { files, dir, root, clock } = this;
    const line = await guardStart({ files, dir, root, now: clock.now() });
    if (line !== "") this.logged.push(line);
    this.starts.push(await this.current());
    const program = await Deno.realPath(`${root}/current`)
      .then((slot) => `${slot}/bin/piri-agent`);
    const { code, stderr } = await runProgram(program, "run");
    if (stderr !== "") this.logged.push(stderr.trim());
    return code === 0 ? await this.current() : undefined;
  }

  async #play(version: string): Promise<void> {
    const { clock } = this;
    this.#restarted = Promise.withResolvers();
    this.workers = new FakeWorkers();
    this.#disk = this.#disk.afterCrash("kill");
    const parts = this.parts(version);
    const journal = await openJournal({
      disk: this.#disk,
      random: countingRandom(),
      machineId: "machine",
      bootId: "boot",
    });
    const core = new AgentCore({
      identity: { name: "web-1", secret: "secret", facts: {} },
      audit: NO_AUDIT,
      journal,
      workers: this.workers,
      clock,
      random: countingRandom(),
      dial: () => this.#dial(version),
      endSurvivors: () => Promise.resolve({ signalled: 0, alive: [] }),
      update: { parts, trial: await Trial.find(parts) },
    });
    this.#core = core;
    await core.start();
    await clock.settle();
  }

  #dial(version: string): Promise<Transport> {
    if (this.#isAway || this.deaf.has(version)) {
      return Promise.reject(new Error("nobody answers"));
    }
    const [ours, theirs] = memoryTransports();
    const peer = new ScriptedPeer(theirs);
    peer.answerPings();
    this.#peer = peer;
    void this.#serve(peer);
    return Promise.resolve(ours);
  }

  /** Plays the Manager on one connection. */
  async #serve(peer: ScriptedPeer): Promise<void> {
    for (;;) {
      const next = await peer.next();
      if (next === undefined) return;
      if (next.case === "clientHello") {
        this.hellos.push(next.value);
        await peer.says("serverHello", {
          version: 1,
          managerId: MANAGER,
          features: [...KEYLESS_FEATURES],
        });
      }
      if (next.case === "dataRequest") {
        const { requestId, data } = next.value;
        const value = this.#answer(data);
        await peer.says("dataResponse", {
          requestId,
          ok: value !== undefined,
          value: value === undefined
            ? { case: "string", value: "Cannot find it" }
            : { case: "bytes", value },
        });
      }
      if (next.case === "result") {
        this.results.push(next.value);
        const { commandId } = next.value;
        await peer.says("commandAck", { commandId, final: true });
        this.#heard.resolve();
        this.#heard = Promise.withResolvers();
      }
    }
  }

  #answer(params: string): Uint8Array | undefined {
    const { version, name, offset, length } = JSON.parse(params);
    this.asked.push(`${name} ${offset}`);
    return this.releases.get(version)?.get(name)
      ?.slice(offset, offset + length);
  }

  #program(version: string, { says, run, check, text }: ProgramKind): string {
    return text ?? [
      "#!/bin/sh",
      'case "$1" in',
      `--version) echo "piri-agent ${says ?? version} (commit c0ffee)";;`,
      `check) ${check ?? `test ! -e ${this.folder.at("outage")}`};;`,
      `run) ${run ?? "exit 0"};;`,
      "esac",
      "exit",
      // Most of a program is the same in each version.
      ...Array.from({ length: 300 }, (_, line) => `# line ${line} of all`),
      "",
    ].join("\n");
  }
}

async function runProgram(
  program: string,
  ...args: readonly string[]
): Promise<Ran> {
  const decoder = new TextDecoder();
  try {
    const command = new Deno.Command(program, {
      args: [...args],
      stdin: "null",
    });
    const { code, stdout, stderr } = await startLaterIfBusy(
      systemClock,
      () => command.output(),
    );
    return {
      code,
      stdout: decoder.decode(stdout),
      stderr: decoder.decode(stderr),
    };
  } catch (error) {
    return { code: 126, stdout: "", stderr: String(error) };
  }
}

function unreachable(): never {
  throw new Error("there is no result");
}
