import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { HostFiles } from "../../lib/service/host_files.ts";
import type { SlotChange } from "../../lib/service/slots.ts";
import { beginTrial } from "../../lib/update/begin_trial.ts";
import type { UpdateNote } from "../../lib/update/update_note.ts";
import { TempFolder } from "../support/temp_folder.ts";

const ignore = Deno.build.os === "windows";

/** A host on which version 0.2.0 is the current one. */
class Host implements AsyncDisposable {
  readonly files = new HostFiles();
  readonly #folder: TempFolder;
  schema: number | undefined = 40;
  /** Version that programs say they have; their own if absent. */
  says: string | undefined;
  /** Exit code of `service guard` of a version. */
  guards: Readonly<Record<string, number>> = {};

  constructor(folder: TempFolder) {
    this.#folder = folder;
  }

  static async make(): Promise<Host> {
    const host = new Host(await TempFolder.make());
    for (const version of ["0.1.0", "0.2.0", "0.3.0", "0.4.0"]) {
      await host.#folder.write(
        `root/versions/${version}/bin/piri-manager`,
        version,
      );
    }
    await Deno.mkdir(host.#folder.at("var"));
    return host;
  }

  get #dir(): string {
    return this.#folder.at("var");
  }

  begin(change: Partial<SlotChange> = {}): Promise<readonly string[]> {
    const root = this.#folder.at("root");
    return beginTrial({
      root,
      from: "0.2.0",
      to: "0.3.0",
      dir: this.#dir,
      ...change,
    }, {
      files: this.files,
      now: () => 1_000,
      schema: () => Promise.resolve(this.schema),
      run: (program, ...args) => {
        const [, version = ""] = /versions\/([^/]+)\//.exec(program) ?? [];
        const stdout = `piri-manager ${this.says ?? version}\n`;
        const code = args[0] === "service" ? this.guards[version] ?? 0 : 0;
        return Promise.resolve({ code, stdout, stderr: "" });
      },
    });
  }

  async note(): Promise<UpdateNote> {
    return JSON.parse(await this.files.read(`${this.#dir}/update.json`) ?? "");
  }

  async change(change: Partial<UpdateNote>): Promise<void> {
    const text = JSON.stringify({ ...await this.note(), ...change });
    await this.files.write(`${this.#dir}/update.json`, text);
  }

  async modeOfNote(): Promise<number> {
    const { mode } = await Deno.stat(`${this.#dir}/update.json`);
    return (mode ?? 0) & 0o777;
  }

  guard(): Promise<string | undefined> {
    return this.files.read(this.#folder.at("root/bin/piri-guard"));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#folder[Symbol.asyncDispose]();
  }
}

Deno.test({
  name: "a trial notes the way back, and the version before is its guard",
  ignore,
  async fn() {
    await using host = await Host.make();
    const kept = await host.begin({ confirmMs: 3_000 });
    const { from, to, state, starts, schema, deadline } = await host.note();

    assertEquals(kept, ["0.2.0"]);
    assertEquals([from, to, state, starts, schema, deadline], [
      "0.2.0",
      "0.3.0",
      "trial",
      0,
      40,
      127_000,
    ]);
    assertEquals(await host.guard(), "0.2.0");
  },
});

Deno.test({
  name: "a note can be read by the user of the service",
  ignore,
  async fn() {
    await using host = await Host.make();
    await host.begin();

    assertEquals(await host.modeOfNote(), 0o644);
  },
});

Deno.test({
  name: "a version before that knows no guard is guarded by the new one",
  ignore,
  async fn() {
    await using host = await Host.make();
    host.guards = { "0.2.0": 2 };
    await host.begin();

    assertEquals(await host.guard(), "0.3.0");
  },
});

Deno.test({
  name: "a lower version is refused, unless it is meant",
  ignore,
  async fn() {
    await using host = await Host.make();
    const lower = { to: "0.1.0" };
    const error = await assertRejects(() => host.begin(lower), PiriError);
    assertEquals(error.code, "REFUSED");

    await host.begin({ ...lower, allowDowngrade: true });
    assertEquals((await host.note()).to, "0.1.0");
  },
});

Deno.test({
  name: "a program that is another version begins no trial",
  ignore,
  async fn() {
    await using host = await Host.make();
    host.says = "0.9.0";
    await assertRejects(
      () => host.begin(),
      PiriError,
      "Cannot install version 0.3.0: it says that it is version 0.9.0; nothing was switched",
    );

    await assertRejects(() => host.note(), SyntaxError);
    assertEquals(await host.guard(), undefined);
  },
});

Deno.test({
  name:
    "a version in the place of one on trial leads back to the one before both",
  ignore,
  async fn() {
    await using host = await Host.make();
    await host.begin();
    await host.change({ starts: 3, served: true, agents: 5 });
    const kept = await host.begin({ from: "0.3.0", to: "0.4.0" });
    const { from, to, starts, served, agents } = await host.note();

    assertEquals(kept, ["0.2.0"]);
    assertEquals([from, to, starts, agents], ["0.2.0", "0.4.0", 0, 5]);
    assertEquals(served, false);
    assertEquals(await host.guard(), "0.2.0");
  },
});

Deno.test({
  name:
    "the next version on trial keeps what the one before did to the database",
  ignore,
  async fn() {
    for (const served of [true, false]) {
      await using host = await Host.make();
      await host.begin();
      await host.change({ served });
      host.schema = 41;
      await host.begin({ from: "0.3.0", to: "0.4.0" });
      const note = await host.note();

      assertEquals([note.schema, note.served], [40, served]);
    }
  },
});

Deno.test({
  name: "an install of the version before ends the trial, and begins none",
  ignore,
  async fn() {
    await using host = await Host.make();
    await host.begin();
    await host.begin({ from: "0.3.0", to: "0.2.0" });
    const { state, reason } = await host.note();

    assertEquals([state, reason], [
      "failed",
      "version 0.2.0 was installed in its place",
    ]);
  },
});
