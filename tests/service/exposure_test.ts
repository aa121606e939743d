import { assert } from "@std/assert";

/** Highest exposure of a Manager by the measure of systemd, from 0 to 10. */
const MAX_EXPOSURE = 1.5;

/** Output of systemd-analyze; undefined if this machine has none that can read files. */
async function analyze(...args: string[]): Promise<string | undefined> {
  try {
    const { success, stdout, stderr } = await new Deno.Command(
      "systemd-analyze",
      { args: ["--no-pager", ...args], env: { LC_ALL: "C" } },
    ).output();
    const text = new TextDecoder().decode(stdout);
    return success ? text + new TextDecoder().decode(stderr) : undefined;
  } catch {
    return undefined;
  }
}

function exposureOf(file: string): Promise<string | undefined> {
  const path = new URL(`golden/${file}`, import.meta.url).pathname;
  return analyze("security", "--offline=true", path);
}

const remark = await exposureOf("piri-manager.service") === undefined
  ? " (ignored because this machine has no systemd-analyze that reads files)"
  : "";

for (const file of ["piri-manager.service", "piri-manager-low-port.service"]) {
  Deno.test({
    name: `the exposure of ${file} is at most ${MAX_EXPOSURE}${remark}`,
    ignore: remark !== "",
    async fn() {
      const text = await exposureOf(file) ?? "";
      const [, exposure = "10"] =
        /exposure level for \S+: ([\d.]+)/.exec(text) ??
          [];

      assert(Number(exposure) <= MAX_EXPOSURE, text);
    },
  });
}
