import { assertEquals } from "@std/assert";
import {
  type StatusFigures,
  statusMetrics,
} from "../../lib/base/status_metrics.ts";

const STATUS: StatusFigures = {
  version: "0.1.0",
  startedAtMs: 1_500n,
  agentsConnected: 1,
  agentsKnown: 2,
  commandsOpen: 3,
  commandsTotal: 2n ** 53n + 1n,
  outputBytes: 5n,
  databaseBytes: 6n,
  certificateExpiresAtMs: 9_000n,
  blobs: { count: 3n, bytes: 10n, limitBytes: 11n },
  counters: { auth_failures: 2n, late_pongs: 0n },
};

/** Lines of numbers, without their explanations. */
function samples(status: StatusFigures): string[] {
  return statusMetrics(status).split("\n").filter((line) =>
    line !== "" && !line.startsWith("#")
  );
}

Deno.test("each number of a Manager has a name, in seconds and bytes", () => {
  assertEquals(samples(STATUS), [
    'piri_build_info{version="0.1.0"} 1',
    "piri_start_time_seconds 1.5",
    "piri_agents_connected 1",
    "piri_agents_known 2",
    "piri_commands_open 3",
    "piri_commands_kept 9007199254740993",
    "piri_output_bytes 5",
    "piri_database_bytes 6",
    "piri_database_writable 1",
    "piri_inputs 3",
    "piri_input_bytes 10",
    "piri_input_limit_bytes 11",
    "piri_certificate_expiry_time_seconds 9",
    'piri_incidents_total{kind="auth_failures"} 2',
    'piri_incidents_total{kind="late_pongs"} 0',
  ]);
});

Deno.test("each family has its help and its type before its numbers, and the text ends with a line", () => {
  const text = statusMetrics(STATUS);

  assertEquals(
    text.split("\n").slice(0, 5),
    [
      "# HELP piri_build_info Version of the Manager.",
      "# TYPE piri_build_info gauge",
      'piri_build_info{version="0.1.0"} 1',
      "# HELP piri_start_time_seconds Start of this run of the Manager.",
      "# TYPE piri_start_time_seconds gauge",
    ],
  );
  assertEquals(text.includes("# TYPE piri_incidents_total counter\n"), true);
  assertEquals(text.at(-1), "\n");
});

Deno.test("a database that cannot be written is a 0, and labels are escaped", () => {
  const shown = samples({
    ...STATUS,
    writeFailure: { reason: "full" },
    version: 'a"b\\c\nd',
    blobs: undefined,
  });

  assertEquals(shown[0], 'piri_build_info{version="a\\"b\\\\c\\nd"} 1');
  assertEquals(shown.includes("piri_database_writable 0"), true);
  assertEquals(shown.filter((line) => line.includes("input")), []);
});
