import { assertEquals, assertThrows } from "@std/assert";
import { EVENT_KINDS, requireKinds } from "../../lib/base/event_kinds.ts";
import { PiriError } from "../../lib/base/errors.ts";

Deno.test("docs/configuration.md names every kind of event", async () => {
  const text = await Deno.readTextFile(
    new URL("../../docs/configuration.md", import.meta.url),
  );
  const table = text.slice(text.indexOf("\n## Events\n"));
  const names = [...table.matchAll(/`([a-z_]+…?)`/g)].map(([, name]) =>
    name ?? ""
  );
  const isTold = (kind: string) =>
    names.some((name) =>
      name.endsWith("…")
        ? kind.startsWith(name.slice(0, -1))
        : name.startsWith("_")
        ? kind === `command${name}`
        : kind === name
    );

  assertEquals(EVENT_KINDS.filter((kind) => !isTold(kind)), []);
});

Deno.test("kinds are sorted, and each is there once", () => {
  assertEquals([...EVENT_KINDS], [...new Set(EVENT_KINDS)].toSorted());
});

Deno.test("a wanted kind has to be one, or the beginning of some", () => {
  requireKinds([...EVENT_KINDS, "*", "command_*", "job_ended*"]);
  for (const kind of ["", "jobs", "job_", "Run", "run *", "*run", "x*"]) {
    assertThrows(() => requireKinds(["run", kind]), PiriError, `"${kind}"`);
  }
});
