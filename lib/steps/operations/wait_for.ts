import { sleep } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import { fingerprintOf } from "../fingerprint.ts";
import type { HostReader } from "../host/host.ts";
import { stepOperation } from "../step_operation.ts";

const TIMEOUT_MS = 60_000;
const EVERY_MS = 500;

/** Waits until something is there. */
export const waitFor = stepOperation({
  name: "wait.For",
  description: "Waits until a port, a path or a URL answers; changes nothing",
  subject: "for",
  oneOf: [["port", "path", "url"]],
  parameters: {
    for: { type: "text", description: "Words for people" },
    port: { type: "integer", description: "Port on which something listens" },
    host: {
      type: "text",
      description: "Host of the port",
      standard: "127.0.0.1",
    },
    path: { type: "path", description: "Path at which something is" },
    url: {
      type: "text",
      description: "URL that answers with a status from 200 to 399",
    },
    timeout: {
      type: "duration",
      description: "Longest time to wait",
      standard: "1m",
    },
  },
  reads: ({ path }) => path === undefined ? [] : [path],
  async check(params, reader) {
    const isThere = await isAnswered(params, reader);
    return {
      verdict: isThere ? "ok" : "change",
      changes: isThere ? [] : [{ what: "wait for", to: wordsOf(params) }],
      fingerprint: fingerprintOf(isThere),
      counts: false,
      after: "none",
    };
  },
  async change(params, _, writer) {
    const { timeout = TIMEOUT_MS } = params;
    const { clock, signal } = writer;
    const end = clock.monotonic() + timeout;
    while (!await isAnswered(params, writer)) {
      if (signal.aborted || clock.monotonic() >= end) {
        throw new PiriError(
          signal.aborted ? "CANCELLED" : "TIMED_OUT",
          `Cannot go on: nothing answers at ${wordsOf(params)} ${
            signal.aborted ? "yet" : `after ${timeout} ms`
          }`,
        );
      }
      await sleep(clock, EVERY_MS, signal);
    }
  },
});

interface Params {
  readonly port?: number;
  readonly host?: string;
  readonly path?: string;
  readonly url?: string;
}

function wordsOf({ port, host, path, url }: Params): string {
  if (port === undefined) return path ?? url ?? "";
  return host === undefined ? `port ${port}` : `${host}:${port}`;
}

async function isAnswered(
  { port, host = "127.0.0.1", path, url = "" }: Params,
  reader: HostReader,
): Promise<boolean> {
  if (port !== undefined) return await reader.answers({ host, port });
  if (path !== undefined) return reader.followed(path) !== undefined;
  const status = await reader.fetchStatus(url);
  return status !== undefined && status >= 200 && status < 400;
}
