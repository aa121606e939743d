import { assertEquals } from "@std/assert";
import { HostFiles } from "../../lib/service/host_files.ts";
import {
  guardLink,
  type GuardOptions,
  guardStart,
} from "../../lib/update/guard.ts";
import type { UpdateNote } from "../../lib/update/update_note.ts";
import { TempFolder } from "../support/temp_folder.ts";

const ignore = Deno.build.os === "windows";

const NOTE: UpdateNote = {
  id: "17",
  nonce: "5",
  managerId: "manager-1",
  from: "0.2.0",
  to: "0.3.0",
  state: "trial",
  starts: 0,
  deadline: 1_000,
  startedAt: 0,
  confirmMs: 60_000,
  trialMs: 300_000,
  reason: "",
  detail: "",
};

/** Runs a guard over a note, or any text. Returns the version that starts, the line and the note. */
async function guarded(
  note: Partial<UpdateNote> | string | undefined,
  { now = 0, current = "0.3.0", slots = ["0.2.0", "0.3.0"], times = 1 } = {},
): Promise<{ starts: string; line: string; note: Partial<UpdateNote> }> {
  await using folder = await TempFolder.make();
  const files = new HostFiles();
  const [root, dir] = [folder.at("root"), folder.at("var")];
  for (const slot of slots) {
    await folder.write(`root/versions/${slot}/bin/piri-agent`, "");
  }
  await files.link(`${root}/current`, `versions/${current}`);
  const text = typeof note === "string"
    ? note
    : JSON.stringify({ ...NOTE, ...note });
  if (note !== undefined) await folder.write("var/update.json", text);
  let line = "";
  for (let time = 0; time < times; time++) {
    line = await guardStart({ files, dir, root, now });
  }
  const left = await files.read(`${dir}/update.json`);
  return {
    starts: (await Deno.readLink(`${root}/current`)).replace("versions/", ""),
    line,
    note: typeof note === "object" ? JSON.parse(left ?? "{}") : {},
  };
}

Deno.test({
  name: "the guard counts three starts on trial, and goes back at the fourth",
  ignore,
  async fn() {
    const third = await guarded({}, { times: 3 });
    const fourth = await guarded({}, { times: 4 });

    assertEquals([third.starts, third.note.starts], ["0.3.0", 3]);
    assertEquals([fourth.starts, fourth.note.state], ["0.2.0", "back"]);
    assertEquals(
      fourth.line,
      "Version 0.3.0 is given up, and 0.2.0 starts again: it was started 3 times, and did not stay up until it was confirmed",
    );
  },
});

Deno.test({
  name:
    "the guard goes back past the deadline, with what the version on trial said",
  ignore,
  async fn() {
    const { starts, note } = await guarded({ detail: "no route" }, {
      now: 1_001,
    });

    assertEquals(starts, "0.2.0");
    assertEquals(
      note.reason,
      "it was not connected and confirmed in time: no route",
    );
  },
});

Deno.test({
  name: "the guard finishes a way back that was interrupted before the link",
  ignore,
  async fn() {
    const { starts, note } = await guarded({ state: "back", reason: "x" });

    assertEquals([starts, note.reason], ["0.2.0", "x"]);
  },
});

Deno.test({
  name: "the guard does nothing without a trial, whatever the note says",
  ignore,
  async fn() {
    for (
      const note of [
        undefined,
        "",
        "{",
        "[]",
        "null",
        '{"state":"trial"}',
        JSON.stringify({ ...NOTE, deadline: "soon" }),
        JSON.stringify({ ...NOTE, from: "../../../tmp" }),
        JSON.stringify({ ...NOTE, state: "judged" }),
        { state: "confirmed" },
        { state: "failed" },
      ] as const
    ) {
      const { starts } = await guarded(note, { now: 9_999, times: 9 });
      assertEquals(starts, "0.3.0", String(note));
    }
  },
});

Deno.test({
  name: "the guard ignores keys that it does not know",
  ignore,
  async fn() {
    const text = JSON.stringify({ ...NOTE, later: { a: 1 } });
    const { starts } = await guarded(text, { now: 1_001 });

    assertEquals(starts, "0.2.0");
  },
});

Deno.test({
  name: "the guard leaves alone what is no longer the version on trial",
  ignore,
  async fn() {
    const slots = ["0.2.0", "0.3.0", "0.4.0"];
    const { starts } = await guarded({}, {
      now: 9_999,
      current: "0.4.0",
      slots,
    });

    assertEquals(starts, "0.4.0");
  },
});

Deno.test({
  name: "the guard does not go back to a version whose files are gone",
  ignore,
  async fn() {
    const { starts, line } = await guarded({}, {
      now: 9_999,
      slots: ["0.3.0"],
    });

    assertEquals(starts, "0.3.0");
    assertEquals(line, "Cannot go back to version 0.2.0: its files are gone");
  },
});

Deno.test({
  name: "the guard goes back although it cannot write why",
  ignore,
  async fn() {
    await using folder = await TempFolder.make();
    const root = folder.at("root");
    await folder.write("root/versions/0.2.0/bin/piri-agent", "");
    class FullDisk extends HostFiles {
      override write(): Promise<boolean> {
        return Promise.reject(new Error("no space"));
      }
    }
    const files = new FullDisk();
    await files.link(`${root}/current`, "versions/0.3.0");
    await folder.write("var/update.json", JSON.stringify(NOTE));
    await guardStart({ files, dir: folder.at("var"), root, now: 1_001 });

    assertEquals(await Deno.readLink(`${root}/current`), "versions/0.2.0");
  },
});

/** Runs a guard of a Manager over a note. Returns the version that starts, the line and the note. */
async function guardedManager(
  note: Partial<UpdateNote>,
  { now = 0, ...options }: Partial<GuardOptions> = {},
  guard = guardStart,
): Promise<{ starts: string; line: string; note: UpdateNote }> {
  await using folder = await TempFolder.make();
  const files = new HostFiles();
  const [root, dir] = [folder.at("root"), folder.at("var")];
  for (const slot of ["0.2.0", "0.3.0"]) {
    await folder.write(`root/versions/${slot}/bin/piri-manager`, "");
  }
  await files.link(`${root}/current`, "versions/0.3.0");
  await folder.write("var/update.json", JSON.stringify({ ...NOTE, ...note }));
  const line = await guard({
    files,
    dir,
    root,
    now,
    name: "piri-manager",
    ...options,
  });
  return {
    starts: (await Deno.readLink(`${root}/current`)).replace("versions/", ""),
    line,
    note: JSON.parse(await files.read(`${dir}/update.json`) ?? ""),
  };
}

Deno.test({
  name: "the time of a Manager on trial begins with its first start",
  ignore,
  async fn() {
    const now = 5_000_000;
    const first = await guardedManager({}, { now });
    const second = await guardedManager(first.note, { now: now + 300_001 });

    assertEquals([first.starts, first.note.deadline], ["0.3.0", now + 300_000]);
    assertEquals([second.starts, second.note.reason], [
      "0.2.0",
      "it was not confirmed in time",
    ]);
  },
});

Deno.test({
  name: "the guard of a Manager puts its data back before the link",
  ignore,
  async fn() {
    const restored: UpdateNote[] = [];
    const restore = (note: UpdateNote) => {
      restored.push(note);
      return Promise.resolve();
    };
    const third = await guardedManager({ starts: 2 }, { restore });
    assertEquals([third.starts, restored], ["0.3.0", []]);

    const { starts } = await guardedManager({ starts: 3, schema: 40 }, {
      restore,
    });
    assertEquals([starts, restored[0]?.schema], ["0.2.0", 40]);
  },
});

Deno.test({
  name:
    "a Manager whose data must not be put back stays, and the note says why",
  ignore,
  async fn() {
    const restore = () => Promise.reject(new Error("it would be lost"));
    const { starts, line, note } = await guardedManager({ starts: 3 }, {
      restore,
    });

    assertEquals(starts, "0.3.0");
    assertEquals(
      line,
      "Cannot go back to version 0.2.0: it would be lost",
    );
    assertEquals([note.state, note.starts, note.detail], [
      "trial",
      4,
      "it would be lost",
    ]);
  },
});

Deno.test({
  name: "one process decides to go back, and another one changes the link",
  ignore,
  async fn() {
    const decided = await guardedManager({ starts: 3 }, { links: false });
    assertEquals([decided.starts, decided.note.state, decided.line], [
      "0.3.0",
      "back",
      "",
    ]);

    const linked = await guardedManager(decided.note, {}, guardLink);
    assertEquals(linked.starts, "0.2.0");
    assertEquals(
      linked.line,
      "Version 0.3.0 is given up, and 0.2.0 starts again: it was started 3 times, and did not stay up until it was confirmed",
    );
  },
});

Deno.test({
  name: "the process that changes the link does so by no other note",
  ignore,
  async fn() {
    for (
      const note of [
        { state: "trial", starts: 9 },
        { state: "failed" },
        { state: "confirmed" },
        { state: "back", to: "0.4.0" },
        { state: "back", from: "0.1.0" },
      ] as const
    ) {
      const { starts } = await guardedManager(note, { now: 9_999 }, guardLink);
      assertEquals(starts, "0.3.0", JSON.stringify(note));
    }
  },
});
