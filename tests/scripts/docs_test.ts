import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { defineSubcommand, type Program } from "../../lib/cli/command.ts";
import { manPage } from "../../scripts/docs/man.ts";
import { commandLineMarkdown } from "../../scripts/docs/markdown.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

/** A program whose texts have all that Markdown and roff could misread. */
const program: Program<unknown> = {
  name: "piri-try",
  summary: "tries a_b * and \\n",
  build: { version: "1.2.3", commit: "", protocol: 2, runtime: "" },
  defaultDir: () => "",
  services: {},
  subcommands: [
    defineSubcommand({
      name: "do",
      summary: "do it",
      positionals: { thing: { type: "many", summary: ".dot | 'quote'" } },
      flags: { way: { type: "choice", choices: ["a", "b"], summary: "way" } },
      rest: "<program>",
      examples: ["'x*' -- true"],
      execute: () => Promise.resolve(0),
    }),
    defineSubcommand({
      name: "__inner",
      summary: "only programs call it",
      positionals: {},
      flags: {},
      examples: [],
      isInternal: true,
      execute: () => Promise.resolve(0),
    }),
  ],
  topics: [{
    name: "things",
    summary: "things",
    sections: [{ title: "Things", text: ["word ".repeat(40).trim()] }],
  }],
};

Deno.test("the page of the command lines has every argument and flag, and nothing that is internal", () => {
  const page = commandLineMarkdown([program]);

  assertEquals(
    page.split("\n").filter((line) => /^(\| `|piri-try|### )/.test(line)),
    [
      "| `--dir DIR` | the state folder |",
      "| `--json` | print JSON, one value a line |",
      "| `--help` | show this help |",
      "### piri-try do",
      "piri-try do <thing>... [flags] [-- <program>]",
      "| `<thing>` | .dot \\| 'quote' |",
      "| `--way a\\|b` | way |",
      "piri-try do 'x*' -- true",
      "### piri-try help things",
    ],
  );
});

Deno.test("a manual page says to roff character by character what it is to show", () => {
  const page = manPage(program, "2026-01-31");
  const lines = page.split("\n");

  assertEquals(lines[1], '.TH PIRI-TRY 1 2026-01-31 "Piri 1.2.3" "Piri"');
  assertEquals(lines[3], "piri\\-try \\- tries a_b * and \\en");
  assert(lines.includes("\\&.dot | \\(aqquote\\(aq"), page);
  assert(lines.every((line) => line.length <= 80), page);
});

for (const name of ["piri-manager", "piri-agent"]) {
  const mandoc = await new Deno.Command("sh", {
    args: ["-c", "command -v mandoc"],
  }).output().then(({ success }) => success, () => false);

  Deno.test({
    name: `mandoc finds nothing wrong with ${name}.1 (ignored without mandoc)`,
    ignore: !mandoc,
    async fn() {
      const { stdout } = await new Deno.Command("mandoc", {
        args: ["-Tlint", join(ROOT, `docs/man/${name}.1`)],
      }).output();

      assertEquals(new TextDecoder().decode(stdout), "");
    },
  });
}
