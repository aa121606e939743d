/** Commands of the demo for this kind of system. */
export interface HostLines {
  /** Program that prints the name of its system. */
  readonly whichSystem: readonly string[];
  /** Shell line that prints three lines, about a third of a second apart. */
  readonly countSlowly: string;
  /** Shell line that prints to stderr and exits with 3. */
  readonly fail: string;
  /** Program that takes a minute. */
  readonly takeLong: readonly string[];
}

/** Lines for a system. */
export function hostLines(os: typeof Deno.build.os): HostLines {
  return os === "windows"
    ? {
      whichSystem: ["cmd", "/c", "ver"],
      countSlowly:
        "for /L %i in (1,1,3) do @(echo step %i of 3 & ping -n 2 127.0.0.1 >nul)",
      fail: "echo the disk is full 1>&2 & exit 3",
      takeLong: ["ping", "-n", "60", "127.0.0.1"],
    }
    : {
      whichSystem: ["uname", "-a"],
      countSlowly:
        'for i in 1 2 3; do echo "step $i of 3, by agent process $PPID"; sleep 0.3; done',
      fail: 'echo "the disk is full" >&2; exit 3',
      takeLong: ["sleep", "60"],
    };
}
