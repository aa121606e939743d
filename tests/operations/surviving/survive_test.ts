import { assert, assertEquals, assertRejects } from "@std/assert";
import { join, relative } from "@std/path";
import { HostSurvivors } from "../../../lib/agent/survivors/host_survivors.ts";
import { PiriError } from "../../../lib/base/errors.ts";
import type {
  OperationEvent,
  ProcessIdentity,
} from "../../../lib/operations/operation.ts";
import { bootId, readProcess } from "../../../lib/operations/process_table.ts";
import type { ProgramEnd } from "../../../lib/operations/process.ts";
import type { Program } from "../../../lib/operations/program.ts";
import { KEPT_BYTES } from "../../../lib/operations/surviving/keeper.ts";
import { Spool } from "../../../lib/operations/surviving/spool.ts";
import { startKeeper } from "../../../lib/operations/surviving/start_keeper.ts";
import { survive, takeUp } from "../../../lib/operations/surviving/survive.ts";
import { standardSurroundings } from "../../../lib/operations/surroundings.ts";
import {
  oddSeconds,
  processesWith,
  untilProcesses,
} from "../../support/processes.ts";
import { until } from "../../support/live_program.ts";
import { TempFolder } from "../../support/temp_folder.ts";

const ignore = Deno.build.os !== "linux";
const isRoot = Deno.uid() === 0;

Deno.test({
  name: "a program under a keeper prints and ends like any other",
  ignore,
  fn: async () => {
    await using at = await Place.make();

    const { end, stdout, stderr } = await at.run(
      shell("echo one; echo two >&2; echo three; exit 41"),
    );

    assertEquals([stdout, stderr], ["one\nthree\n", "two\n"]);
    assertEquals(end, { exitCode: 41, outputCut: false });
    assertEquals(at.started.length, 1);
  },
});

Deno.test({
  name:
    "a program runs under a keeper where the agent's folder is named by a relative path",
  ignore,
  fn: async () => {
    await using at = await Place.make();
    at.isRelative = true;

    const { end, stdout } = await at.run(shell("echo one; exit 41"));

    assertEquals(stdout, "one\n");
    assertEquals(end, { exitCode: 41, outputCut: false });
  },
});

Deno.test({
  name:
    "a program under a keeper gets exactly its environment, folder, mask and input",
  ignore,
  fn: async () => {
    await using at = await Place.make();
    const value = 'it\'s "a"\nline $HOME `id` \\';

    const { stdout } = await at.run({
      // No shell, which would drop a name with a dot.
      argv: ["/usr/bin/env", "-0"],
      cwd: "/",
      env: { PATH: "/usr/bin:/bin", ODD: value, "a.b": "dot", UID: "5" },
    });

    const other = await at.run({
      ...shell("pwd; umask; cat; ls -l /proc/self/fd | grep -c survivors"),
      cwd: "/usr",
      umask: 0o027,
      stdin: "what it\nreads",
    });

    assertEquals(
      stdout.split("\0").filter((each) => !/^(PWD=|_=|$)/.test(each)).sort(),
      ["ODD=" + value, "PATH=/usr/bin:/bin", "UID=5", "a.b=dot"],
    );
    // Only its own three streams are files of the keeper; the output of ls is not.
    assertEquals(other.stdout, "/usr\n0027\nwhat it\nreads2\n");
  },
});

Deno.test({
  name:
    "arguments of a program under a keeper are not touched, also bytes that are not UTF-8",
  ignore,
  fn: async () => {
    await using at = await Place.make();
    const words = ["printf", "%s|", "", "a b", "$(id)", "'", "\n", "-n"];

    const text = await at.run({
      ...shell(""),
      argv: ["printf", ...words.slice(1)],
    });
    const bytes = await at.run({
      ...shell(""),
      argv: ["printf", "%s", "?"],
      argvBytes: [
        ...["printf", "%s"].map((each) => new TextEncoder().encode(each)),
        Uint8Array.of(0xff, 0x81, 0x27, 0x0a),
      ],
    });

    assertEquals(text.stdout, "|a b|$(id)|'|\n|-n|");
    assertEquals([...bytes.stdoutBytes], [0xff, 0x81, 0x27, 0x0a]);
  },
});

for (
  const [signal, number] of [
    ["HUP", 1],
    ["KILL", 9],
    ["SEGV", 11],
    ["TERM", 15],
  ] as const
) {
  Deno.test({
    name:
      `a program under a keeper that SIG${signal} ends has printed nothing else`,
    ignore,
    fn: async () => {
      await using at = await Place.make();

      const { end, stdout, stderr } = await at.run(
        shell(`echo one; echo two >&2; kill -${signal} $$`),
      );

      assertEquals([stdout, stderr], ["one\n", "two\n"]);
      assertEquals(end, {
        exitCode: 128 + number,
        maybeSignal: `SIG${signal}`,
        outputCut: false,
      });
    },
  });
}

Deno.test({
  name: "a program under a keeper takes the signals that others take",
  ignore,
  fn: async () => {
    await using at = await Place.make();

    const look = "grep -E 'SigIgn|SigBlk' /proc/self/status";
    const { stdout } = await at.run(shell(look));
    // What starts the tests may ignore some, as nohup does.
    const plain = await new Deno.Command("/bin/sh", { args: ["-c", look] })
      .output();

    const expected = standardSignals(new TextDecoder().decode(plain.stdout));
    assertEquals(expected.length, 2);
    assertEquals(standardSignals(stdout), expected);
  },
});

Deno.test({
  name:
    "a program under a keeper runs as another user with all of its groups (needs root)",
  ignore: ignore || !isRoot,
  fn: async () => {
    await using at = await Place.make();
    const user = { name: "daemon", uid: 1, gid: 1, groups: [1, 4, 60] };

    const { stdout, end } = await at.run({
      ...shell("id -u; id -g; id -G"),
      user,
    });

    assertEquals(stdout, "1\n1\n1 4 60\n");
    assertEquals(end.exitCode, 0);
  },
});

Deno.test({
  name:
    "a cancel ends the tree of a program under a keeper, and its exit code is told",
  ignore,
  fn: async () => {
    await using at = await Place.make();
    const seconds = oddSeconds();
    const running = at.run(
      shell(`env -i setsid sleep ${seconds} & sleep ${seconds}; wait`),
    );
    await untilProcesses(seconds, 3);

    at.stop.abort();
    const { end } = await running;

    assertEquals([end.exitCode, end.maybeSignal], [143, "SIGTERM"]);
    assertEquals(end.reaped?.alive, []);
    await untilProcesses(seconds, 0);
  },
});

Deno.test({
  name:
    "output that nobody reads is kept at its beginning and its end, and the program goes on",
  ignore,
  fn: async () => {
    await using at = await Place.make();
    const size = 5 * KEPT_BYTES;
    const program = shell(
      `head -c ${size} /dev/zero | tr '\\0' 'x'; echo end; echo whole >&2`,
    );
    await at.startOnly(program);
    await until(
      "it has ended",
      () => Promise.resolve(at.spool.end !== undefined),
    );

    const { pieces, stderr, end } = await at.takeUp();

    const out = pieces.filter(({ stream }) => stream === "stdout");
    const kept = out.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const gaps = out.filter(({ offset }, i) => {
      const before = out[i - 1];
      return offset !== (before ? before.offset + before.bytes.length : 0);
    });
    const last = out.at(-1);
    assertEquals(gaps.length, 1);
    assertEquals((last?.offset ?? 0) + (last?.bytes.length ?? 0), size + 4);
    assert(kept >= 2 * KEPT_BYTES && kept < 4 * KEPT_BYTES, `${kept} bytes`);
    assertEquals([stderr, end.exitCode], ["whole\n", 0]);
  },
});

Deno.test({
  name:
    "a child left running by a program does not hold its end, and its keeper goes with its folder",
  ignore,
  fn: async () => {
    await using at = await Place.make();
    const seconds = oddSeconds();

    const { end, stdout } = await at.run(
      shell(`echo here; setsid sleep ${seconds} & exit 0`),
    );
    const { keeper } = at.spool;
    await at.survivors.remove(at.marker);

    assertEquals([stdout, end.exitCode, end.outputCut], ["here\n", 0, true]);
    await until("the keeper has ended", () => {
      const now = readProcess(keeper?.pid ?? 0);
      return Promise.resolve(now === undefined || now.zombie);
    });
    await untilProcesses(seconds, 1);
    for (const pid of processesWith(seconds)) Deno.kill(pid, "SIGKILL");
  },
});

Deno.test({
  name: "a program that has not begun is kept from it, whoever comes first",
  ignore,
  fn: async () => {
    await using at = await Place.make();
    await at.survivors.sweep(new Set());
    await Deno.mkdir(join(at.folder, at.marker), { recursive: true });
    await Deno.writeTextFile(
      join(at.folder, at.marker, "boot"),
      `${bootId()}\n`,
    );

    const found = await at.survivors.find(at.marker);
    const again = await at.survivors.find(at.marker);
    const other = await at.survivors.find("7-never");
    const file = join(at.folder, "effect");
    const keeper = await startKeeper(shell(`echo ran >'${file}'`), {
      folder: join(at.folder, at.marker),
      marker: at.marker,
    });
    await keeper.status;

    const unbegun = { unbegun: true };
    assertEquals([found, again, other], [unbegun, unbegun, unbegun]);
    await assertRejects(() => Deno.stat(file), Deno.errors.NotFound);
  },
});

Deno.test({
  name:
    "a program of another boot is lost, but for one whose end is on the disk",
  ignore,
  fn: async () => {
    await using at = await Place.make();
    const { end } = await at.run(shell("exit 5"));
    const boot = join(at.folder, at.marker, "boot");
    await Deno.writeTextFile(boot, "another\n");

    const ended = await at.survivors.find(at.marker);
    await Deno.remove(join(at.folder, at.marker, "end"));
    const unknown = await at.survivors.find(at.marker);
    const missing = await at.survivors.find("7-never");

    const lost = { lost: "the host was restarted while the command ran" };
    assertEquals(end.exitCode, 5);
    assert("startedAt" in ended);
    assertEquals([unknown, missing], [lost, lost]);
  },
});

Deno.test({
  name:
    "a program that cannot be started under a keeper is refused with the reason",
  ignore,
  fn: async () => {
    await using at = await Place.make();

    const error = await assertRejects(
      () => at.run({ ...shell(""), argv: ["/no/such/program"] }),
      PiriError,
    );

    assertEquals(error.code, "NOT_STARTED");
    await assertRejects(() => Deno.stat(join(at.folder, at.marker)));
  },
});

Deno.test({
  name:
    "a full disk drops output of a kept program, not the program or its exit code (needs root)",
  ignore: ignore || !isRoot,
  fn: async () => {
    await using at = await Place.make();
    await using _small = await smallDisk(at.folder);

    const { end, stdout } = await at.run(
      shell("head -c 3000000 /dev/zero | tr '\\0' 'x'; exit 9"),
    );

    assertEquals([end.exitCode, end.outputDropped], [9, true]);
    assert(stdout.length > 100_000 && stdout.length < 1_100_000);
  },
});

/** Mounts a file system of 1 MiB. */
async function smallDisk(folder: string): Promise<AsyncDisposable> {
  const call = async (name: string, ...args: string[]) => {
    const { success, stderr } = await new Deno.Command(name, { args }).output();
    assert(success, new TextDecoder().decode(stderr));
  };
  await Deno.mkdir(folder, { recursive: true });
  await call("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder);
  return { [Symbol.asyncDispose]: () => call("umount", "-l", folder) };
}

function shell(line: string): Program {
  return {
    argv: ["/bin/sh", "-c", line],
    cwd: "/",
    env: { PATH: "/usr/bin:/bin" },
  };
}

interface Heard {
  readonly end: ProgramEnd;
  readonly pieces: {
    readonly stream: string;
    readonly offset: number;
    readonly bytes: Uint8Array;
  }[];
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutBytes: Uint8Array;
}

/** Folder of an agent, with one command. */
class Place implements AsyncDisposable {
  readonly started: ProcessIdentity[] = [];
  readonly stop = new AbortController();
  readonly marker = "7-abc";
  /** True to name the folder by a relative path. */
  isRelative = false;
  readonly survivors: HostSurvivors;

  static async make(): Promise<Place> {
    return new Place(await TempFolder.make());
  }

  private constructor(readonly temp: TempFolder) {
    this.survivors = new HostSurvivors(this.folder);
  }

  get folder(): string {
    return this.temp.at("survivors");
  }

  get spool(): Spool {
    return new Spool(join(this.folder, this.marker));
  }

  async run(program: Program): Promise<Heard> {
    await this.#removed();
    return await hear(survive(program, this.#control));
  }

  /** Waits for the end of the keeper, which comes after that of its program, and removes what it leaves. */
  async #removed(): Promise<void> {
    const { keeper } = this.spool;
    if (keeper !== undefined) {
      await until(
        "the keeper was reaped",
        () => Deno.stat(`/proc/${keeper.pid}`).then(() => false, () => true),
      );
    }
    await this.survivors.remove(this.marker);
  }

  async startOnly(program: Program): Promise<void> {
    const folder = join(this.folder, this.marker);
    await startKeeper(program, { folder, marker: this.marker });
    // As if its agent had died.
    await Deno.writeTextFile(join(folder, "agent"), "1 1\n");
  }

  takeUp(): Promise<Heard> {
    return hear(takeUp(this.#control));
  }

  get #control() {
    return {
      marker: this.marker,
      signal: this.stop.signal,
      kill: new AbortController().signal,
      started: (identity: ProcessIdentity) => this.started.push(identity),
      surroundings: {
        ...standardSurroundings(),
        survivorsFolder: this.isRelative
          ? relative(Deno.cwd(), this.folder)
          : this.folder,
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#removed();
    await this.temp[Symbol.asyncDispose]();
  }
}

async function hear(
  events: AsyncGenerator<OperationEvent, ProgramEnd>,
): Promise<Heard> {
  const pieces: Heard["pieces"] = [];
  for (;;) {
    const { done, value } = await events.next();
    if (done) {
      const [stdoutBytes, stderr] = ["stdout", "stderr"].map((stream) =>
        joined(pieces.filter((piece) => piece.stream === stream))
      );
      return {
        end: value,
        pieces,
        stdoutBytes: stdoutBytes ?? new Uint8Array(),
        stdout: new TextDecoder().decode(stdoutBytes),
        stderr: new TextDecoder().decode(stderr),
      };
    }
    if (value.kind !== "output") continue;
    const { stream, bytes, offset = -1 } = value;
    pieces.push({ stream, bytes, offset });
  }
}

function joined(pieces: readonly { bytes: Uint8Array }[]): Uint8Array {
  const size = pieces.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const all = new Uint8Array(size);
  let at = 0;
  for (const { bytes } of pieces) {
    all.set(bytes, at);
    at += bytes.length;
  }
  return all;
}

/** Sets of signals of a status in /proc, without those of real time, which the C library keeps for itself. */
function standardSignals(status: string): number[] {
  return [...status.matchAll(/^Sig\w+:\t[0-9a-f]{8}([0-9a-f]{8})$/gm)]
    .map(([, set = ""]) => parseInt(set, 16) & 0x7fff_ffff);
}
