/** State of a Manager, as the API tells it. Times in milliseconds since 1970, sizes in bytes. */
export interface StatusFigures {
  readonly version: string;
  readonly startedAtMs: bigint;
  readonly agentsConnected: number;
  readonly agentsKnown: number;
  readonly commandsOpen: number;
  readonly commandsTotal: bigint;
  readonly outputBytes: bigint;
  readonly databaseBytes: bigint;
  readonly certificateExpiresAtMs: bigint;
  readonly blobs?:
    | {
      readonly count: bigint;
      readonly bytes: bigint;
      readonly limitBytes: bigint;
    }
    | undefined;
  /** Counters of this run by name. */
  readonly counters: Readonly<Record<string, bigint>>;
  /** Present while the database cannot be written. */
  readonly writeFailure?: unknown;
}

/** Media type of the text: https://prometheus.io/docs/instrumenting/exposition_formats/. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** A number with its labels. */
interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: bigint | number;
}

/** State of a Manager in the text format of Prometheus, version 0.0.4. Times in seconds since 1970, sizes in bytes. */
export function statusMetrics(status: StatusFigures): string {
  const { blobs } = status;
  const gauge = (name: string, help: string, value: bigint | number) =>
    family(name, "gauge", help, [{ value }]);
  return [
    family("build_info", "gauge", "Version of the Manager.", [
      { labels: { version: status.version }, value: 1 },
    ]),
    gauge(
      "start_time_seconds",
      "Start of this run of the Manager.",
      seconds(status.startedAtMs),
    ),
    gauge(
      "agents_connected",
      "Agents that are connected.",
      status.agentsConnected,
    ),
    gauge("agents_known", "Agents with an entry.", status.agentsKnown),
    gauge(
      "commands_open",
      "Commands that have not ended.",
      status.commandsOpen,
    ),
    gauge(
      "commands_kept",
      "Commands in the database. It falls when old ones are deleted.",
      status.commandsTotal,
    ),
    gauge("output_bytes", "Size of all kept output.", status.outputBytes),
    gauge(
      "database_bytes",
      "Size of the database with its files of output.",
      status.databaseBytes,
    ),
    gauge(
      "database_writable",
      "1 if the database can be written, and 0 if not.",
      status.writeFailure === undefined ? 1 : 0,
    ),
    ...blobs === undefined ? [] : [
      gauge("inputs", "Kept inputs of commands and files.", blobs.count),
      gauge("input_bytes", "Size of the kept inputs.", blobs.bytes),
      gauge(
        "input_limit_bytes",
        "Largest size of the kept inputs.",
        blobs.limitBytes,
      ),
    ],
    gauge(
      "certificate_expiry_time_seconds",
      "End of the certificate of the Manager.",
      seconds(status.certificateExpiresAtMs),
    ),
    family(
      "incidents_total",
      "counter",
      "What was dropped, refused or ignored in this run, by kind.",
      Object.entries(status.counters).map(([kind, value]) => ({
        labels: { kind },
        value,
      })),
    ),
  ].join("");
}

function family(
  name: string,
  type: "gauge" | "counter",
  help: string,
  samples: readonly Sample[],
): string {
  const lines = samples.map(({ labels = {}, value }) => {
    const pairs = Object.entries(labels).map(([key, text]) =>
      `${key}="${escaped(text)}"`
    );
    const shown = pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
    return `piri_${name}${shown} ${value}\n`;
  });
  return `# HELP piri_${name} ${help}\n# TYPE piri_${name} ${type}\n${
    lines.join("")
  }`;
}

function escaped(text: string): string {
  return text.replace(
    /[\\"\n]/g,
    (letter) => letter === "\n" ? "\\n" : `\\${letter}`,
  );
}

function seconds(ms: bigint): number {
  return Number(ms) / 1_000;
}
