import { assertEquals, assertRejects } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import type { HostWriter } from "../../lib/steps/host/host.ts";
import { stepHost } from "../../lib/operations/step_host.ts";
import { stepOperations } from "../../lib/steps/registry.ts";
import { stepOperation } from "../../lib/steps/step_operation.ts";
import { Unforeseen } from "../../lib/steps/unforeseen.ts";
import { newContext } from "../operations/support.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { FakeHost } from "./fake_host.ts";
import { planOn, type Ran, sheetOf } from "./runs.ts";

const posix = Deno.build.os !== "windows";

/** Makes a user, or removes one, as far as others see it; its verdict is unknown if so asked. */
const user = stepOperation({
  name: "test.User",
  description: "Makes a user",
  subject: "name",
  parameters: {
    name: { type: "text", required: true, description: "Name" },
    uid: { type: "integer", description: "Number" },
    absent: { type: "switch", description: "True to remove it" },
    unknown: { type: "switch", description: "True if nobody knows yet" },
  },
  things: ({ name }) => [{ kind: "user", name }],
  // deno-lint-ignore require-await
  check: async ({ name, uid, absent, unknown }, reader) => {
    if (unknown === true) throw new Unforeseen("nobody knows");
    const wanted = absent === true
      ? undefined
      : uid === undefined
      ? {}
      : { uid };
    const foreseen = reader.foreseen({ kind: "user", name });
    const isSo = foreseen !== undefined &&
      (foreseen.facts === undefined) === (wanted === undefined);
    return {
      verdict: isSo ? "ok" : "change",
      changes: [],
      fingerprint: "",
      effects: [{
        kind: "thing",
        thing: { kind: "user", name },
        facts: wanted,
      }],
    };
  },
  change: () => Promise.resolve(),
});

async function planned(...steps: Parameters<typeof sheetOf>): Promise<Ran> {
  return await planOn(new FakeHost(), sheetOf(...steps), {
    operations: [...stepOperations, user],
  });
}

function fileOf(owner: string) {
  return {
    operation: "file.Installed",
    params: { path: "/x", content: "", user: owner },
  };
}

for (
  const [what, uid] of [["number", { uid: 7 }], ["no number", {}]] as const
) {
  Deno.test(`a file may belong to a user with ${what} that an earlier step makes`, async () => {
    const { steps } = await planned(
      { operation: "test.User", params: { name: "new", ...uid } },
      fileOf("new"),
    );

    assertEquals(steps.map(({ verdict }) => verdict), ["change", "change"]);
  });
}

Deno.test("a file cannot belong to a user that an earlier step removes", async () => {
  const { steps } = await planned(
    { operation: "test.User", params: { name: "www", absent: true } },
    fileOf("www"),
  );

  assertEquals(steps.map(({ verdict, error }) => [verdict, error?.code]), [
    ["change", undefined],
    ["failed", "FAILED_PRECONDITION"],
  ]);
});

Deno.test("a file of a user that nobody knows yet is unknown, and one of another is not", async () => {
  const { steps } = await planned(
    { operation: "test.User", params: { name: "www", unknown: true } },
    fileOf("www"),
    { ...fileOf("anna"), name: "other" },
  );

  assertEquals(steps.map(({ verdict, reason }) => [verdict, reason]), [
    ["unknown", "nobody knows"],
    ["unknown", 'it depends on step "step 0", which is unknown'],
    // Its path is the one that may be written.
    ["unknown", 'it depends on step "step 1", which is unknown'],
  ]);
});

/** Means of changing this host, with a folder for it. */
async function realWriter(): Promise<
  { folder: TempFolder; writer: HostWriter } & AsyncDisposable
> {
  const folder = await TempFolder.make();
  const host = stepHost(newContext());
  return {
    folder,
    writer: host.writer(new AbortController().signal, () => Promise.resolve()),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

Deno.test({
  name: "a program that is asked answers with its code and both its streams",
  ignore: !posix,
  fn: async () => {
    await using host = await realWriter();

    const answer = await host.writer.ask({
      shell: "printf 'h\\303\\251'; echo no >&2; exit 3",
    });

    assertEquals(answer, { code: 3, stdout: "hé", stderr: "no\n" });
  },
});

Deno.test({
  name: "a program that is asked and prints without end is an error",
  ignore: !posix,
  fn: async () => {
    await using host = await realWriter();

    await assertRejects(
      () => host.writer.ask({ shell: "head -c 17000000 /dev/zero" }),
      PiriError,
      "it is more than 16777216 bytes",
    );
  },
});

Deno.test({
  name:
    "a table of the host is read once, and again after a program or a write below its paths",
  ignore: !posix,
  fn: async () => {
    await using host = await realWriter();
    const { folder, writer } = host;
    await folder.write("db/x", "");
    let reads = 0;
    const read = () =>
      writer.shared(
        { name: "rows", paths: [folder.at("db")] },
        () => Promise.resolve(++reads),
      );
    const attributes = { mode: 0o600, ...writer.self };

    const first = await Promise.all([read(), read()]);
    await writer.makeFolder(folder.at("db2"), attributes);
    const beside = await read();
    await writer.setAttributes(folder.at("db", "x"), attributes);
    const written = await read();
    await writer.run({ argv: ["true"] });
    const afterProgram = await read();
    await writer.ask({ argv: ["true"] });
    const afterQuestion = await read();

    assertEquals(first, [1, 1]);
    assertEquals([beside, written, afterProgram, afterQuestion], [1, 2, 3, 3]);
  },
});

Deno.test({
  name: "a table of the host that could not be read is read again",
  ignore: !posix,
  fn: async () => {
    await using host = await realWriter();
    const table = { name: "rows", paths: [] };

    await assertRejects(
      () => host.writer.shared(table, () => Promise.reject(new Error("no"))),
      Error,
      "no",
    );
    const rows = await host.writer.shared(table, () => Promise.resolve(1));

    assertEquals(rows, 1);
  },
});
