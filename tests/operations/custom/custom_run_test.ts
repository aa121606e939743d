import { assertEquals } from "@std/assert";
import { customHost, ignore, moduleWith } from "./custom_host.ts";

/** Operation that keeps a file with one word in it. */
const WORD = moduleWith({
  permissions: "{ check: { read: true }, change: { write: true } }",
  check: `let found: string | undefined;
    try {
      found = await Deno.readTextFile(path);
    } catch {}
    console.log("looked at", path);
    return {
      changes: found === "word" ? [] : [{ what: "content", from: found ?? "(absent)", to: "word" }],
      observed: found ?? null,
    };`,
  change: `await Deno.writeTextFile(path, check.changes[0].to!);
    return { note: "written" };`,
});

function step(path: string, more = ""): string {
  return `- It: { type: word.Thing, path: ${path}${more} }\n`;
}

Deno.test({
  name: "custom operation is planned, applied, and has nothing left to do",
  ignore,
  fn: async () => {
    await using host = await customHost();
    const path = host.folder.at("word.txt");
    const modules = { word: WORD };

    const plan = await host.run(step(path), modules, { mode: "plan" });
    const isThere = await exists(path);
    const apply = await host.run(step(path), modules);
    const again = await host.run(step(path), modules);

    assertEquals([plan.verdicts, isThere], [["change"], false]);
    assertEquals([apply.verdicts, apply.outcome.success], [["change"], true]);
    assertEquals(await Deno.readTextFile(path), "word");
    assertEquals([again.verdicts, again.outcome.changed], [["ok"], false]);
    assertEquals(apply.printed, `looked at ${path}\nlooked at ${path}\n`);
  },
});

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
