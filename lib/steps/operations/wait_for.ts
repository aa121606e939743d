import { sleep } from "../../base/clock.ts";
import { PiriError } from "../../base/errors.ts";
import { fingerprintOf } from "../fingerprint.ts";
import type { HostReader } from "../host/host.ts";
import { findManager } from "../providers/services/find_manager.ts";
import { foreseeService } from "../providers/services/foresee.ts";
import { requireServiceName } from "../providers/services/service_names.ts";
import type { ServiceManager } from "../providers/services/service_manager.ts";
import { type Forecast, stepOperation } from "../step_operation.ts";
import { quoted, WrongValue } from "../wrong_value.ts";

const TIMEOUT_MS = 60_000;
const EVERY_MS = 500;

/** Waits until something is there. */
export const waitFor = stepOperation({
  name: "wait.For",
  description:
    "Waits until a port, a path, a URL or a service is there; changes nothing",
  subject: "for",
  oneOf: [["port", "path", "url", "service"]],
  parameters: {
    for: { type: "text", description: "Words for people" },
    port: {
      type: "integer",
      range: [1, 65_535],
      description: "Port on which something listens",
    },
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
    service: { type: "text", description: "Name of a service that runs" },
    timeout: {
      type: "duration",
      description: "Longest time to wait",
      standard: "1m",
    },
  },
  validate({ service, url }) {
    if (service !== undefined) requireServiceName(service, "service");
    if (url === undefined || URL.canParse(url)) return;
    throw new WrongValue(
      ["url"],
      `${quoted(url)} is no URL; write it with https:// or http://`,
    );
  },
  reads: ({ path }) => path === undefined ? [] : [path],
  async check(params, reader, forecast) {
    const { service } = params;
    const isThere = service === undefined
      ? await isAnswered(params, reader)
      : await isForeseenUp(service, reader, forecast);
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
          `Cannot go on: ${notThere(params)} ${
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
  readonly service?: string;
}

function notThere(params: Params): string {
  return params.service === undefined
    ? `nothing answers at ${wordsOf(params)}`
    : `the service "${params.service}" does not run`;
}

function wordsOf({ port, host, path, url, service }: Params): string {
  if (service !== undefined) return `service ${service}`;
  if (port === undefined) return path ?? url ?? "";
  return host === undefined ? `port ${port}` : `${host}:${port}`;
}

async function isAnswered(
  { port, host = "127.0.0.1", path, url = "", service }: Params,
  reader: HostReader,
): Promise<boolean> {
  if (service !== undefined) {
    const manager = runningManager(service, reader);
    const { isUp } = await manager.findNow(manager.nameOf(service), reader);
    return isUp;
  }
  if (port !== undefined) return await reader.answers({ host, port });
  if (path !== undefined) return reader.followed(path) !== undefined;
  const status = await reader.fetchStatus(url);
  return status !== undefined && status >= 200 && status < 400;
}

async function isForeseenUp(
  service: string,
  reader: HostReader,
  forecast: Forecast,
): Promise<boolean> {
  const manager = runningManager(service, reader);
  const name = manager.nameOf(service);
  const look = { manager, reader, forecast };
  return (await foreseeService(name, look)).isUp;
}

function runningManager(service: string, reader: HostReader): ServiceManager {
  const manager = findManager(reader);
  if (manager.runs) return manager;
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot wait for the service "${service}": ${manager.kind} is installed here and does not run`,
  );
}
