import { assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import {
  completionScript,
  type Shell,
} from "../../lib/cli/completion/scripts.ts";
import { TempFolder } from "../support/temp_folder.ts";

const PROGRAM = fromFileUrl(new URL("../../manager.ts", import.meta.url));

/** Runs lines of a shell that has loaded its completion, with the real program on the path. */
async function inShell(
  shell: Shell,
  args: readonly string[],
  lines: string,
): Promise<string> {
  await using folder = await TempFolder.make();
  const program = await folder.write(
    "bin/piri-manager",
    `#!/bin/sh\nexec '${Deno.execPath()}' run -A '${PROGRAM}' "$@"\n`,
  );
  await Deno.chmod(program, 0o755);
  const script = await folder.write(
    "completion",
    completionScript(shell, "piri-manager"),
  );
  await folder.write("some-file", "");
  const { stdout, stderr } = await new Deno.Command(shell, {
    args: [...args, lines],
    cwd: folder.path,
    env: {
      PATH: `${folder.at("bin")}:${Deno.env.get("PATH")}`,
      HOME: folder.path,
      SCRIPT: script,
      STATE: folder.at("no-manager"),
    },
  }).output();
  assertEquals(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout);
}

/** A test in a real shell, ignored with the reason where there is none. */
async function shellTest(
  shell: Shell,
  name: string,
  fn: () => Promise<void>,
): Promise<void> {
  const found = await new Deno.Command("sh", {
    args: ["-c", `command -v ${shell}`],
  }).output().then(({ success }) => success, () => false);
  Deno.test({
    name: found ? name : `${name} (ignored: there is no ${shell})`,
    ignore: !found,
    fn,
  });
}

await shellTest(
  "bash",
  "bash completes from the program, and asks the disk for files",
  async () => {
    const text = await inShell(
      "bash",
      ["--noprofile", "--norc", "-c"],
      `source "$SCRIPT"
    try() {
      COMP_LINE=$1 COMP_POINT=\${#1}; shift
      COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
      _piri_manager
      echo "\${COMPREPLY[*]}"
    }
    complete -p piri-manager
    try 'piri-manager ru' piri-manager ru
    try 'piri-manager run --color=' piri-manager run --color =
    try 'piri-manager agent ' piri-manager agent ''
    try 'piri-manager run --env-file so' piri-manager run --env-file so
    try "piri-manager run --dir $STATE we" piri-manager run --dir "$STATE" we`,
    );

    assertEquals(text.split("\n").slice(0, 3), [
      "complete -F _piri_manager piri-manager",
      "run rule",
      "auto always never",
    ]);
    assertStringIncludes(text.split("\n")[3] ?? "", "remove token");
    assertEquals(text.split("\n").slice(4), ["some-file", "", ""]);
  },
);

await shellTest("zsh", "zsh completes from the program", async () => {
  // Outside of its line editor zsh has no compadd: this one prints what it is given.
  const text = await inShell(
    "zsh",
    ["-f", "-c"],
    `compadd() { print -r -- "\${@[-1]}: \${(P)@[-1]}" }
    compdef() { }
    source $SCRIPT
    try() { words=("$@") CURRENT=$# PREFIX=$@[-1]; _piri_manager }
    try piri-manager ru
    try piri-manager run --color a
    try piri-manager run --dir $STATE we`,
  );

  assertEquals(text, "found: run rule\nfound: auto always\n");
});

await shellTest(
  "fish",
  "fish completes from the program, with summaries",
  async () => {
    const text = await inShell(
      "fish",
      ["--no-config", "-c"],
      `source $SCRIPT
    complete -C 'piri-manager operations'
    complete -C 'piri-manager run --color al'
    complete -C "piri-manager run --dir $STATE we"`,
    );

    assertEquals(
      text,
      "operations\tlist the operations and their parameters\nalways\n",
    );
  },
);
