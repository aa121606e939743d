import type {
  Job,
  JobEntry,
} from "../../../../proto/gen/piri/control/v1/control_messages.ts";
import { isoTime } from "../../time.ts";
import { requestText } from "../request_text.ts";
import {
  type EntryLabel,
  entryText,
  labelOf,
  OPEN_LABELS,
} from "./entry_state.ts";

/** Ends that a JUnit report counts as skipped. */
const SKIPPED: ReadonlySet<EntryLabel> = new Set(["skipped", "superseded"]);

/** Ends that a JUnit report counts as errors: they say nothing about the program. */
const ERRORS: ReadonlySet<EntryLabel> = new Set([
  "lost",
  "unreachable",
  "expired",
  "refused",
]);

/** A job as a JUnit report: a test case for each agent. */
export function junitText(job: Job, entries: readonly JobEntry[]): string {
  const what = requestText(job);
  const kinds = entries.map((entry) => kindOf(labelOf(entry)));
  const count = (kind: string) =>
    kinds.filter((other) => other === kind).length;
  const suite = attributes({
    name: job.name === "" ? `j-${job.id}: ${what}` : job.name,
    tests: entries.length,
    failures: count("failure"),
    errors: count("error"),
    skipped: count("skipped"),
    time: seconds(job.createdAtMs, job.finishedAtMs),
    timestamp: isoTime(job.createdAtMs),
  });
  const cases = entries.map((entry) => caseText(entry, job, what));
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    "<testsuites>",
    `  <testsuite ${suite}>`,
    ...cases,
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

function caseText(entry: JobEntry, job: Job, what: string): string {
  const kind = kindOf(labelOf(entry));
  const head = `    <testcase ${
    attributes({
      name: entry.agent,
      classname: what,
      time: seconds(entry.startedAtMs, entry.finishedAtMs),
    })
  }`;
  if (kind === "success") return `${head}/>`;
  const message = attributes({ message: entryText(entry, job) });
  return `${head}>\n      <${kind} ${message}/>\n    </testcase>`;
}

function kindOf(label: EntryLabel): string {
  if (label === "succeeded") return "success";
  if (SKIPPED.has(label)) return "skipped";
  return ERRORS.has(label) || OPEN_LABELS.has(label) ? "error" : "failure";
}

function seconds(from: bigint | undefined, to: bigint | undefined): string {
  const ms = from === undefined || to === undefined ? 0 : Number(to - from);
  return (Math.max(0, ms) / 1_000).toFixed(3);
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}="${escaped(String(value))}"`).join(" ");
}

/** Text as an attribute of XML 1.0, without the characters that it cannot have. */
function escaped(text: string): string {
  return text
    // deno-lint-ignore no-control-regex
    .replaceAll(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "\ufffd")
    .toWellFormed()
    .replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;").replaceAll('"', "&quot;")
    .replaceAll("\n", "&#10;").replaceAll("\t", "&#9;");
}
