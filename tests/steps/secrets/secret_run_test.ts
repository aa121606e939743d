import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import fc from "fast-check";
import { PiriError } from "../../../lib/base/errors.ts";
import { formsOf } from "../../../lib/base/masking/secret_forms.ts";
import type { RunRecord } from "../../../lib/steps/engine/records.ts";
import type { HostWriter, StepProgram } from "../../../lib/steps/host/host.ts";
import { stepOperations } from "../../../lib/steps/registry.ts";
import { stepOperation } from "../../../lib/steps/step_operation.ts";
import { Unforeseen } from "../../../lib/steps/unforeseen.ts";
import { FakeHost } from "../fake_host.ts";
import { applyOn, planOn, sheetOf } from "../runs.ts";
import { leaksIn, MemorySecrets, sealed } from "./memory_secrets.ts";

/** Host whose programs print their secrets in each form, in pieces of a few bytes. */
class ChattyHost extends FakeHost {
  readonly started: StepProgram[] = [];
  readonly printed: string[] = [];
  readonly #pieces: number;

  constructor(pieces: number) {
    super();
    this.#pieces = pieces;
  }

  override writer(
    signal: AbortSignal,
    print: Parameters<FakeHost["writer"]>[1],
  ): HostWriter {
    const run = async (program: StepProgram) => {
      this.started.push(program);
      const texts = [program.stdin ?? "", ...Object.values(program.env ?? {})];
      for (const [at, form] of texts.flatMap(formsOf).entries()) {
        const stream = at % 3 === 0 ? "stderr" : "stdout";
        this.printed.push(new TextDecoder().decode(form));
        for (let from = 0; from < form.length; from += this.#pieces) {
          await print(stream, form.slice(from, from + this.#pieces));
        }
        await print(stream, new TextEncoder().encode("\n"));
      }
      return { code: 0 };
    };
    return Object.assign(super.writer(signal, print), { run });
  }
}

/** Operation that tells its text by all that it has. */
const tattle = stepOperation({
  name: "test.Tattle",
  description: "Tells",
  subject: "by",
  parameters: {
    by: { type: "text", required: true, description: "Way to tell" },
    text: { type: "text", secret: true, description: "Text to tell" },
  },
  // deno-lint-ignore require-await
  async check({ by, text = "" }) {
    if (by === "error") throw new PiriError("NOT_FOUND", `No "${text}"`);
    if (by === "bug") throw new TypeError(`Not a "${text}"`);
    if (by === "unknown") throw new Unforeseen(`"${text}" may come`);
    return {
      verdict: "change",
      fingerprint: text,
      reason: `since "${text}"`,
      changes: [
        { what: "text", from: "former", to: text },
        { what: "owner", from: "a", to: `b ${text}` },
        { what: "mode", from: "0600", to: "0644" },
      ],
      after: "none",
    };
  },
  change: ({ by, text = "" }) =>
    by === "change"
      ? Promise.reject(new PiriError("DISK", `Not written: "${text}"`))
      : Promise.resolve({ note: `told "${text}"` }),
});

const operations = [...stepOperations, tattle];

function told(by: string, text = sealed("a ", "$pw")) {
  return { operation: "test.Tattle", params: { by, text } };
}

const secretText = fc.string({ unit: "grapheme", minLength: 6, maxLength: 40 })
  .filter((text) =>
    text.isWellFormed() && !text.includes("\0") && text.trim().length >= 6 &&
    // Others stand in the records by themselves.
    /[^a-z ]/.test(text)
  );

function textsOf(records: readonly RunRecord[]): string[] {
  return records.map((record) => JSON.stringify(record));
}

Deno.test("a program gets secrets in whole, and no form of one is recorded, however output is cut", async () => {
  await fc.assert(
    fc.asyncProperty(
      secretText,
      secretText,
      fc.integer({ min: 1, max: 50 }),
      async (one, other, pieces) => {
        const host = new ChattyHost(pieces);
        const secrets = new MemorySecrets({ one, other });

        const { records } = await applyOn(
          host,
          sheetOf({
            operation: "command.Run",
            params: {
              shell: "x",
              stdin: sealed("$one"),
              env: { A: sealed("a", "$other"), B: "plain" },
            },
          }),
          { secrets },
        );

        assertEquals(host.started, [
          { shell: "x", stdin: one, env: { A: `a${other}`, B: "plain" } },
        ]);
        assertEquals(leaksIn(outputsOf(records), [one, other]), []);
        // The printed texts do hold the secrets before they are masked.
        assert(leaksIn(host.printed, [one, other]).length > 2);
      },
    ),
    { numRuns: 60 },
  );
});

function outputsOf(records: readonly RunRecord[]): string[] {
  return ["stdout", "stderr"].map((stream) =>
    records.flatMap((record) =>
      record.kind === "output" && record.stream === stream ? [record.text] : []
    ).join("")
  );
}

Deno.test("errors, reasons, changes and notes of a step have no form of its secrets", async () => {
  await fc.assert(
    fc.asyncProperty(secretText, async (pw) => {
      const secrets = new MemorySecrets({ pw });
      const ways = ["error", "bug", "unknown", "change", "note"];
      const sheet = sheetOf(
        ...ways.map((by) => ({ ...told(by), continue: true as const })),
      );
      const options = { secrets, operations };

      const planned = await planOn(new FakeHost(), sheet, options);
      const applied = await applyOn(new FakeHost(), sheet, options);

      const all = [...planned.records, ...applied.records];
      const words = [
        ...textsOf(all),
        planned.end.message,
        applied.end.message,
      ];
      const plain = words.filter((word) =>
        word.includes(pw) || word.includes(JSON.stringify(pw).slice(1, -1))
      );
      assertEquals(plain, []);
    }),
    { numRuns: 60 },
  );
});

Deno.test("a change from a former secret hides it, and others stay as they are", async () => {
  const secrets = new MemorySecrets({ pw: "hunter22" });

  const { steps } = await planOn(
    new FakeHost(),
    sheetOf(told("note")),
    { secrets, operations },
  );

  assertEquals(steps[0]?.changes, [
    { what: "text", from: "(not shown)", to: "‹secret pw›" },
    { what: "owner", from: "(not shown)", to: "‹secret pw›" },
    { what: "mode", from: "0600", to: "0644" },
  ]);
  assertEquals(steps[0]?.reason, 'since "a ***"');
});

Deno.test("a fingerprint depends on the key of the host, and is the same in a plan and an apply", async () => {
  const sheet = sheetOf(told("note"));
  const prints = async (key: number, run: typeof planOn) => {
    const secrets = new MemorySecrets(
      { pw: "hunter22" },
      new Uint8Array(32).fill(key),
    );
    const options = { secrets, operations };
    return (await run(new FakeHost(), sheet, options)).steps[0]?.fingerprint;
  };

  const own = await prints(1, planOn);

  assertEquals(await prints(1, applyOn), own);
  assertNotEquals(await prints(2, planOn), own);
});

Deno.test("a secret is asked for once in a run, and only if a step that names it is checked", async () => {
  const secrets = new MemorySecrets({ pw: "hunter22", other: "hunter33" });
  const host = new FakeHost();

  await applyOn(
    host,
    sheetOf(
      told("note"),
      {
        ...told("note", sealed("$other")),
        if: { kind: "path", is: "exists", path: "/nothing" },
      },
      told("note"),
    ),
    { secrets, operations },
  );

  assertEquals(secrets.opened, ["pw"]);
});

Deno.test("a secret that cannot be had fails its step with the reason", async () => {
  const secrets = new MemorySecrets({});

  const { steps, end } = await planOn(
    new FakeHost(),
    sheetOf(told("note")),
    { secrets, operations },
  );

  assertEquals(end.success, false);
  assertEquals(steps[0]?.error, {
    code: "NOT_FOUND",
    message: 'There is no "pw"',
  });
});

Deno.test("secrets that look like parts of a record do not damage it", async () => {
  for (
    const pw of ["verdict", "change", "fingerprint", "123456", '","kind":"end']
  ) {
    const secrets = new MemorySecrets({ pw });

    const { steps } = await planOn(
      new FakeHost(),
      sheetOf(told("note")),
      { secrets, operations },
    );

    assertEquals([steps[0]?.verdict, steps[0]?.step], ["change", 0], pw);
  }
});

Deno.test("a run without a source of secrets refuses steps that name some", async () => {
  const error = await assertRejects(
    () => planOn(new FakeHost(), sheetOf(told("note")), { operations }),
    PiriError,
  );

  assertEquals(error.code, "UNSUPPORTED");
});

Deno.test("a secret where none may stand, or a damaged one, is refused before anything is done", async () => {
  const secrets = new MemorySecrets({ pw: "hunter22" });
  const damaged = [
    { $secret: {} },
    { $secret: { parts: [1] } },
    { $secret: { parts: [{ name: "pw" }] } },
    { $secret: { parts: [{ name: "pw", mac: "m", form: "rot13" }] } },
    { $secret: { parts: ["a"] }, more: "b" },
  ];
  const refused = async (params: Record<string, unknown>) => {
    const sheet = sheetOf({
      operation: "command.Run",
      params: params as Record<string, string>,
    });
    const error = await assertRejects(
      () => planOn(new FakeHost(), sheet, { secrets }),
      PiriError,
    );
    return [error.code, error.message];
  };

  for (const stdin of damaged) {
    assertEquals(await refused({ shell: "x", stdin }), [
      "INVALID_ARGUMENT",
      'Cannot run step "step 0": parameter "stdin" of command.Run is wrong: expected a text without a NUL character',
    ]);
  }
  for (
    const params of [
      { shell: sealed("$pw") },
      { argv: ["x", sealed("$pw")] },
      { shell: "x", unless: sealed("$pw") },
    ]
  ) {
    const [code, message = ""] = await refused(params);
    assertEquals(code, "INVALID_ARGUMENT");
    assertStringIncludes(message, "expected no secret, which it must not hold");
  }
  assertEquals(secrets.opened, []);
});

Deno.test("a step about a file that another gives a secret shows no line of it", async () => {
  const secrets = new MemorySecrets({ pw: "hunter22" });
  const file = "/config";
  const host = new FakeHost();
  const sheet = sheetOf(
    {
      operation: "file.Block",
      params: { path: file, content: sealed("pw=", "$pw"), create: true },
    },
    { operation: "file.Line", params: { path: file, line: "x" } },
  );

  const { steps } = await applyOn(host, sheet, { secrets });

  assertEquals(
    steps[1]?.changes.map(({ text }) => text),
    ["--- before\n+++ after\n@@ -1,3 +1,4 @@\n+x\n"],
  );
  assertEquals([...secrets.paths.all], [file]);
});
