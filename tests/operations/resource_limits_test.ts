import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";

const isRoot = Deno.build.os === "linux" && Deno.uid() === 0;
const program = fromFileUrl(new URL("./limits_program.ts", import.meta.url));

/** Limits of a first process that raised some for itself, as systemd does. */
const PROCESS_1 = `\
Limit                     Soft Limit           Hard Limit           Units
Max cpu time              unlimited            unlimited            seconds
Max stack size            8388608              unlimited            bytes
Max core file size        unlimited            unlimited            bytes
Max processes             4567                 4568                 processes
Max open files            1073741816           1073741816           files
Max locked memory         67108864             67108864             bytes
Max pending signals       4569                 4569                 signals
`;

Deno.test({
  name:
    "programs get the system's limits, not those of the shell that started the agent (needs root)",
  ignore: !isRoot,
  fn: async () => {
    const limits = await limitsAfter({}, {
      shell:
        "ulimit -S -n 900; ulimit -S -s 1024; ulimit -S -c 10; ulimit -S -u 300",
    });
    const openFiles = await mayRaiseLimits() ? 524_288 : await ownOpenFiles();
    assertEquals(limits, {
      "Max stack size": "8388608 unlimited",
      "Max core file size": "0 unlimited",
      "Max processes": "4567 4568",
      "Max open files": `1024 ${openFiles}`,
      "Max locked memory": "8388608 8388608",
      "Max pending signals": "4569 4569",
      low: "",
    });
  },
});

Deno.test({
  name: "the agent's configuration sets limits of programs (needs root)",
  ignore: !isRoot,
  fn: async () => {
    const limits = await limitsAfter({
      openFiles: { soft: 2_000, hard: 3_000 },
      stackBytes: { soft: 16_777_216 },
    });
    assertEquals(limits["Max open files"], "2000 3000");
    assertEquals(limits["Max stack size"], "16777216 unlimited");
  },
});

Deno.test({
  name:
    "limits that the agent may not raise become the nearest allowed ones, and are named",
  ignore: !isRoot,
  fn: async () => {
    const limits = await limitsAfter({
      stackBytes: { soft: 8_388_608, hard: 8_388_608 },
    }, {
      shell: "ulimit -n 1500; ulimit -s 4096",
      // Without this capability, root may not raise a hard limit either.
      through: [
        "/usr/bin/setpriv",
        "--bounding-set=-sys_resource",
        "--inh-caps=-sys_resource",
      ],
    });
    assertEquals(limits["Max open files"], "1024 1500");
    assertEquals(limits["Max stack size"], "4194304 4194304");
    assertEquals(limits.low, "stackBytes");
  },
});

/** True if this process has the capability SYS_RESOURCE, which root lacks in some containers. */
async function mayRaiseLimits(): Promise<boolean> {
  const status = await Deno.readTextFile("/proc/self/status");
  const [, digits = "0"] = /^CapEff:\s*(\w+)$/m.exec(status) ?? [];
  return (BigInt(`0x${digits}`) >> 24n & 1n) === 1n;
}

/** Number of files to which this process may raise its limit, if that is less than the standard. */
async function ownOpenFiles(): Promise<number> {
  const limits = await Deno.readTextFile("/proc/self/limits");
  const [, hard = "0"] = /^Max open files +\S+ +(\d+)/m.exec(limits) ?? [];
  return Math.min(Number(hard), 524_288);
}

/** Limits of a program that is started after the limits were set in a process that a shell has started. */
async function limitsAfter(
  wanted: unknown,
  { shell = ":", through = [] }: { shell?: string; through?: string[] } = {},
): Promise<Record<string, string>> {
  const { stdout, stderr } = await new Deno.Command("/bin/bash", {
    args: [
      "-c",
      `set -e; ${shell}; exec "$@"`,
      "bash",
      ...through,
      Deno.execPath(),
      "run",
      "-A",
      program,
      JSON.stringify(wanted),
      PROCESS_1,
    ],
  }).output();
  const text = new TextDecoder().decode(stdout);
  assertEquals(new TextDecoder().decode(stderr), "");
  const titles = PROCESS_1.split("\n").map((line) => line.slice(0, 26).trim())
    .filter((title) => title.startsWith("Max") && title !== "Max cpu time");
  const lines = text.split("\n");
  const limitOf = (title: string) =>
    lines.find((line) => line.startsWith(`${title} `))?.slice(26).trim()
      .split(/\s+/).slice(0, 2).join(" ") ?? "";
  return {
    ...Object.fromEntries(titles.map((title) => [title, limitOf(title)])),
    low: lines.find((line) => line.startsWith("low: "))?.slice(5) ?? "",
  };
}
