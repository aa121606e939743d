import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import type { Expected } from "../../lib/steps/engine/expected.ts";
import type { StepRecord } from "../../lib/steps/engine/records.ts";
import type { SheetStep } from "../../lib/steps/sheet.ts";
import { MemoryDisk } from "../support/memory_disk.ts";
import { type FakeAnswer, FakeHost, type Tree } from "./fake_host.ts";
import { applyOn, planOn, sheetOf } from "./runs.ts";

const file = (text: string, mode = 0o644) =>
  ({ kind: "file", mode, uid: 0, gid: 0, text }) as const;
const folder = { kind: "folder", mode: 0o755, uid: 0, gid: 0 } as const;
const etc = (): Tree => new Map([["/etc", folder]]);

const site = {
  name: "Site",
  operation: "file.Installed",
  params: { path: "/etc/site.conf", content: "one\ntwo\n", mode: 0o600 },
};

function verdicts(steps: readonly StepRecord[]): string[] {
  return steps.map(({ verdict }) => verdict);
}

function expectedOf(steps: readonly StepRecord[]): Map<string, Expected> {
  return new Map(steps.map((step) => [step.name, step]));
}

Deno.test("a plan tells what an apply would change, and changes nothing", async () => {
  const host = new FakeHost(etc().set("/etc/site.conf", file("one\n")));

  const { steps, end } = await planOn(host, sheetOf(site));

  assertEquals(verdicts(steps), ["change"]);
  assertEquals(
    steps[0]?.changes.map((
      { what, lines, from, to },
    ) => [what, lines ?? [from, to]]),
    [["content", { added: 1, removed: 0 }], ["mode", ["0644", "0600"]]],
  );
  assertEquals(end.message, "1 step would change something");
  assertEquals(host.writes, 0);
});

Deno.test("an apply changes the host, and the next one finds nothing to do", async () => {
  const host = new FakeHost(etc());

  const first = await applyOn(host, sheetOf(site));
  const again = await applyOn(host, sheetOf(site));

  assertEquals([first.end.changed, again.end.changed], [true, false]);
  assertEquals(host.tree.get("/etc/site.conf"), file("one\ntwo\n", 0o600));
  assertEquals(again.end.message, "nothing to do");
});

Deno.test("a step is checked on the host as it will be after those before it", async () => {
  const host = new FakeHost();

  const { steps } = await planOn(
    host,
    sheetOf(
      { operation: "file.Dir", params: { path: "/srv" } },
      { operation: "file.Installed", params: { path: "/srv/a", content: "x" } },
      { operation: "file.Symlinked", params: { path: "/l", target: "/srv" } },
      { operation: "file.Installed", params: { path: "/l/a", content: "x" } },
      { operation: "file.Absent", params: { path: "/l/a" } },
    ),
  );

  assertEquals(verdicts(steps), ["change", "change", "change", "ok", "change"]);
});

Deno.test("an apply refuses before any change if the host is not as it was planned", async () => {
  const sheet = sheetOf(
    { operation: "file.Dir", params: { path: "/srv" } },
    site,
  );
  const host = new FakeHost(etc());
  const { steps } = await planOn(host, sheet);
  host.tree.set("/etc/site.conf", file("by hand\n"));

  const error = await assertRejects(
    () => applyOn(host, sheet, { expected: expectedOf(steps) }),
    PiriError,
  );

  assertEquals(
    error.message,
    'Cannot apply the plan: step "Site" was planned as change (content +2 -0) and is now change (content +2 -1, with 1 more); plan again',
  );
  assertEquals([error.code, host.writes], ["FAILED_PRECONDITION", 0]);
});

Deno.test("a step that fails ends the run, and steps that require one that failed are skipped", async () => {
  const bad = { operation: "file.Dir", params: { path: "/no/folder" } };
  const dir = { operation: "file.Dir", params: { path: "/a" } };

  const ended = await applyOn(new FakeHost(), sheetOf(bad, dir));
  const went = await applyOn(
    new FakeHost(),
    sheetOf({ ...bad, continue: true }, { ...dir, require: [0] }, {
      operation: "file.Dir",
      params: { path: "/b" },
    }),
  );

  assertEquals(verdicts(ended.steps), ["failed"]);
  assertEquals(ended.end.counts.notRun, 1);
  assertEquals(
    ended.end.message,
    'step "step 0" failed: Cannot write "/no/folder": there is no folder "/no"; make it by an earlier step, or give parents: true; not run: 1 step',
  );
  assertEquals(verdicts(went.steps), ["failed", "skipped", "change"]);
});

Deno.test("a reaction is owed from before the change until it has succeeded", async () => {
  const host = new FakeHost(etc());
  const disk = new MemoryDisk();
  const broken = {
    name: "Broken",
    operation: "file.Dir",
    params: { path: "/later/x" },
  };
  const reload = {
    name: "Reload",
    operation: "noop.Noop",
    params: { changed: true },
    onchanges: [0],
  };

  const first = await applyOn(host, sheetOf(site, broken, reload), { disk });
  const planned = await planOn(host, sheetOf(site, broken, reload), { disk });
  host.tree.set("/later", folder);
  const second = await applyOn(host, sheetOf(site, broken, reload), { disk });
  const third = await applyOn(host, sheetOf(site, broken, reload), { disk });

  assertEquals(first.end.owed.map(({ listener, cause }) => [listener, cause]), [
    ["Reload", "Site"],
  ]);
  assertEquals(planned.steps[2]?.owed?.causes, ["Site"]);
  assertEquals(verdicts(second.steps), ["ok", "change", "change"]);
  assertEquals(second.end.owed, []);
  assertEquals(verdicts(third.steps), ["ok", "ok", "skipped"]);
});

Deno.test("a debt to a step that is gone ends with a note", async () => {
  const host = new FakeHost(etc());
  const disk = new MemoryDisk();
  const failing = { operation: "file.Dir", params: { path: "/no/x" } };
  const reload = { name: "Reload", operation: "noop.Noop", onchanges: [0] };
  await applyOn(host, sheetOf(site, failing, reload), { disk });

  const { records, end } = await applyOn(host, sheetOf(site), { disk });

  assertEquals(
    records.flatMap((record) => record.kind === "note" ? record.text : []),
    [
      '"Reload" was owed since "Site" changed, and is no step any more: that is over',
    ],
  );
  assertEquals(end.owed, []);
});

Deno.test("a condition is decided on the host as it will be", async () => {
  const when = (is: "exists" | "isdir") => ({
    operation: "noop.Noop",
    params: { changed: true },
    if: { kind: "path", is, path: "/srv" } as const,
  });

  const { steps } = await planOn(
    new FakeHost(),
    sheetOf(
      when("exists"),
      { operation: "file.Dir", params: { path: "/srv" } },
      when("isdir"),
      {
        operation: "noop.Noop",
        if: { kind: "cmd", line: "exists /srv", codes: [0] },
      },
    ),
  );

  assertEquals(verdicts(steps), ["skipped", "change", "change", "unknown"]);
});

Deno.test("the steps that are asked for run, with what they require, and no others", async () => {
  const host = new FakeHost();
  const dir = (path: string) => ({ operation: "file.Dir", params: { path } });

  const { steps } = await applyOn(
    host,
    sheetOf(
      dir("/a"),
      { ...dir("/b"), tags: ["web"], require: [0] },
      dir("/c"),
    ),
    { only: ["web"] },
  );

  assertEquals(verdicts(steps), ["change", "change", "skipped"]);
});

Deno.test("a cancel ends a run between two steps", async () => {
  const cancel = new AbortController();
  const dir = (path: string) => ({ operation: "file.Dir", params: { path } });

  const { steps, end } = await applyOn(
    new FakeHost(),
    sheetOf(dir("/a"), dir("/b")),
    {
      signal: cancel.signal,
      onRecord: ({ kind }) =>
        ({ step: () => cancel.abort() } as Record<string, () => void>)
          [kind]?.(),
    },
  );

  assertEquals([verdicts(steps), end.success, end.counts.notRun], [
    ["change"],
    false,
    1,
  ]);
});

/** Steps that ask a program first, of each kind, and what becomes of one whose program says no. */
const ASKING: readonly (readonly [string, Partial<SheetStep>])[] = [
  ["if", { if: { kind: "cmd", line: "ask", codes: [0] } }],
  ["not", {
    if: { kind: "not", of: { kind: "cmd", line: "ask", codes: [0] } },
  }],
  [
    "any",
    { if: { kind: "any", of: [{ kind: "cmd", line: "ask", codes: [0] }] } },
  ],
  ["unless", {
    operation: "command.Run",
    params: { shell: "say", unless: "ask" },
  }],
  ["onlyif", {
    operation: "command.Run",
    params: { shell: "say", onlyif: "ask" },
  }],
  ["assert.That", { operation: "assert.That", params: { cmd: "ask" } }],
];

/** Ways in which such a program ends that are no answer. */
const ENDS = {
  "a cancel": {
    ask: ({ cancel }) => {
      cancel.abort();
      return 1;
    },
    error: [
      "CANCELLED",
      'Cannot tell what "ask" finds: the command was cancelled',
    ],
  },
  "a timeout": {
    ask: ({ host }) => {
      host.clock.advanceNow(5_000);
      return { code: undefined, signal: "SIGTERM" };
    },
    error: ["TIMED_OUT", 'Cannot finish step "Ask": its 5000 ms are over'],
  },
  "a signal": {
    ask: () => ({ code: undefined, signal: "SIGKILL" }),
    error: [
      "FAILED_PRECONDITION",
      'Cannot tell what "ask" finds: it ended without an exit code, by SIGKILL',
    ],
  },
} as const satisfies Record<string, {
  ask(means: { host: FakeHost; cancel: AbortController }): number | FakeAnswer;
  error: readonly [string, string];
}>;

for (const [kind, step] of ASKING) {
  for (const [end, { ask, error }] of Object.entries(ENDS)) {
    Deno.test(`${end} while the program of ${kind} runs fails the step, and keeps what is owed to it`, async () => {
      const cancel = new AbortController();
      const host = new FakeHost(etc(), undefined, {
        ask: (host) => ask({ host, cancel }),
      });
      const disk = new MemoryDisk();
      const asking = {
        name: "Ask",
        operation: "noop.Noop",
        onchanges: [0],
        timeoutMs: 5_000,
        ...step,
      };

      const { end: run, steps } = await applyOn(host, sheetOf(site, asking), {
        disk,
        signal: cancel.signal,
      });

      const { code, message } = steps[1]?.error ?? {};
      assertEquals([code, message], [...error]);
      assertEquals(run.success, false);
      assertEquals(run.owed.map(({ listener }) => listener), ["Ask"]);
    });
  }

  Deno.test(`a plan cannot be made if the program of ${kind} is ended by a signal, and says why`, async () => {
    const host = new FakeHost(etc(), undefined, { ask: ENDS["a signal"].ask });

    const { end, steps } = await planOn(
      host,
      sheetOf({ name: "Ask", operation: "noop.Noop", ...step }),
    );

    assertEquals([verdicts(steps), end.success], [["failed"], false]);
    assertStringIncludes(end.message, ENDS["a signal"].error[1]);
  });

  for (
    const [timeout, time, ms, over] of [
      [
        "the timeout of the step",
        { timeoutMs: 5_000 },
        5_000,
        "its timeout of 5000 ms is over",
      ],
      [
        "a minute",
        {},
        60_000,
        "the 60000 ms that a step without a timeout has are over",
      ],
    ] as const
  ) {
    Deno.test(`the program of ${kind} has ${timeout} in a plan and at a gate, which say so`, async () => {
      let isLate = false;
      const host = new FakeHost(etc(), undefined, {
        ask: (host) => {
          if (isLate) host.clock.advanceNow(ms);
          return isLate ? 1 : 0;
        },
      });
      const sheet = sheetOf({
        name: "Ask",
        operation: "noop.Noop",
        ...time,
        ...step,
      });
      const expected = expectedOf((await planOn(host, sheet)).steps);
      isLate = true;

      const { end, steps } = await planOn(host, sheet);
      const error = await assertRejects(
        () => applyOn(host, sheet, { expected }),
        PiriError,
      );

      const text = `Cannot look at step "Ask": ${over}`;
      assertEquals(steps[0]?.error, { code: "TIMED_OUT", message: text });
      assertEquals(end.success, false);
      assertStringIncludes(error.message, `and is now failed: ${text}`);
    });
  }

  Deno.test(`a cancel while the program of ${kind} runs ends a plan`, async () => {
    const cancel = new AbortController();
    const host = new FakeHost(etc(), undefined, {
      ask: (host) => ENDS["a cancel"].ask({ host, cancel }),
    });

    const error = await assertRejects(
      () =>
        planOn(
          host,
          sheetOf({ name: "Ask", operation: "noop.Noop", ...step }),
          { signal: cancel.signal },
        ),
      PiriError,
    );

    assertEquals(error.code, "CANCELLED");
  });
}

for (
  const [operation, params] of [
    ["file.Line", { line: "a" }],
    ["file.Block", { content: "a" }],
  ] as const
) {
  Deno.test(`${operation} with absent finds nothing to do where there is no file, nor a folder for it`, async () => {
    const host = new FakeHost(etc());
    const absent = (path: string) => ({
      operation,
      params: { path, ...params, absent: true },
    });
    const sheet = sheetOf(absent("/etc/x"), absent("/srv/deep/x"));

    const planned = await planOn(host, sheet);
    const applied = await applyOn(host, sheet);

    assertEquals(verdicts(planned.steps), ["ok", "ok"]);
    assertEquals(verdicts(applied.steps), ["ok", "ok"]);
    assertEquals(host.writes, 0);
  });

  Deno.test(`${operation} with absent is unknown where a program may bring the file`, async () => {
    const program = { operation: "command.Run", params: { shell: "true" } };
    const step = { operation, params: { path: "/x", ...params, absent: true } };

    const { steps } = await planOn(new FakeHost(), sheetOf(program, step));

    assertEquals(verdicts(steps), ["change", "unknown"]);
  });
}
