/** What the demo has its agents do, in the words of this kind of system. */
export interface HostLines {
  /** A program that tells what system it runs on. */
  readonly whichSystem: readonly string[];
  /** A shell line that prints something about once in a third of a second, three times. */
  readonly countSlowly: string;
  /** A shell line that complains and ends with 3. */
  readonly fail: string;
  /** A program that takes a minute. */
  readonly takeLong: readonly string[];
}

/** The lines for a system. */
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
