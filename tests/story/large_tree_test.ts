import { assertEquals } from "@std/assert";
import { startFleet } from "../support/fleet.ts";
import { fromSource } from "../support/executables.ts";

const AGENTS = ["web-1", "web-2", "web-3"];

/** Longest duration of one put or get on a machine with other work, in milliseconds. */
const PATIENCE_MS = 600_000;

/**
 * Makes about 5,000 files with all kinds of names, sizes and modes, links and empty folders. It is a shell's work: names
 * that are not UTF-8 cannot be given to Deno.
 */
const MAKE_TREE = String.raw`
set -eu
umask 022
mkdir tree
cd tree
folder=0
while [ $folder -lt 50 ]; do
  place="d$folder/grüße $folder"
  mkdir -p "$place" "d$folder/empty"
  file=0
  while [ $file -lt 98 ]; do
    printf '%s %s\n' $folder $file > "$place/日本 $file.txt"
    file=$((file + 1))
  done
  chmod 600 "$place/日本 1.txt"
  chmod 755 "$place/日本 2.txt"
  chmod 440 "$place/日本 3.txt"
  chmod 4711 "$place/日本 4.txt"
  chmod 1400 "$place/日本 5.txt"
  chmod 710 "d$folder/empty"
  : > "$place/nothing"
  printf 'x' > "$(printf 'd%s/caf\351 \377' $folder)"
  ln -s "grüße $folder/日本 6.txt" "d$folder/link"
  ln -s ../nowhere "d$folder/dangling"
  ln -s "$(printf 'to \377')" "$(printf 'd%s/link \376' $folder)"
  folder=$((folder + 1))
done
printf 'line' > "two
lines"
printf 'dash' > -rf
printf 'quote' > 'a"b\c$e*?'"'"
mkdir "$(printf 'folder \200')"
printf 'deep' > "$(printf 'folder \200/\303')"
for size in 3000000 5000001 1048576; do
  head -c $size /dev/urandom > large-$size
done
`;

/** Compares two trees: content by diff, then kinds, modes and targets of links. Bits as setuid count only as `modes` says. */
const COMPARE = String.raw`
LC_ALL=C
export LC_ALL
diff -r --no-dereference "$1" "$2"
list() {
  (cd "$1" && find . -printf '%y %m %l %p\0' | sed -z "$2" | sort -z | tr '\0' '\n')
}
list "$1" "$3" > expected
list "$2" "" > found
diff -a expected found | head -n 20
`;

/** Leaves setuid, setgid and the sticky bit out of modes: `get` does not take them from a host. */
const WITHOUT_HIGH_BITS = String.raw`s/^\(. \)[1-7]\([0-7][0-7][0-7] \)/\1\2/`;

/** Runs a script in a folder, and returns all that it prints. */
async function shell(
  cwd: string,
  script: string,
  ...args: string[]
): Promise<string> {
  const child = new Deno.Command("sh", {
    args: ["-c", script, "sh", ...args],
    cwd,
  });
  const { stdout, stderr } = await child.output();
  const decoder = new TextDecoder("latin1");
  return decoder.decode(stderr) + decoder.decode(stdout);
}

Deno.test({
  name:
    "a tree of 5,000 files is put on three hosts and got back: equal by diff and by modes",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await using fleet = await startFleet(fromSource, { agents: AGENTS });
    const { folder } = fleet;
    const made = await shell(folder.path, MAKE_TREE);
    const count = await shell(folder.path, "find tree -type f | wc -l");
    assertEquals([made, Number(count) >= 5_000], ["", true]);

    for (const agent of AGENTS) {
      const on = `${agent}:${folder.at(`on-${agent}`)}`;
      await using putting = fleet.spawn("put", folder.at("tree"), on);
      const put = await putting.end(PATIENCE_MS);
      assertEquals([put.code, put.stderr], [0, ""]);
    }
    for (const agent of AGENTS) {
      const args = ["tree", `on-${agent}`, ""];
      assertEquals(await shell(folder.path, COMPARE, ...args), "");
    }
    const places = AGENTS.map((name) => `${name}:${folder.at(`on-${name}`)}`);
    await using getting = fleet.spawn("get", ...places, folder.at("back"));
    const got = await getting.end(PATIENCE_MS);
    assertEquals([got.code, got.stderr], [0, ""]);
    for (const agent of AGENTS) {
      const args = ["tree", `back/on-${agent}`, WITHOUT_HIGH_BITS];
      assertEquals(await shell(folder.path, COMPARE, ...args), "");
    }
  },
});
