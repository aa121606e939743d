import { PiriError } from "../../base/errors.ts";
import type { HostReader, HostWriter } from "../host/host.ts";
import type { ParameterShapes } from "../parameters.ts";
import {
  findManager,
  requireOther,
} from "../providers/services/find_manager.ts";
import {
  requireService,
  serviceEffects,
  servicePrint,
} from "../providers/services/foresee.ts";
import { requireServiceName } from "../providers/services/service_names.ts";
import { ServiceActs } from "../providers/services/service_acts.ts";
import {
  type Check,
  type Forecast,
  type StepOperation,
  stepOperation,
} from "../step_operation.ts";
import { serviceThings } from "./service_things.ts";
import { changeService, checkService, SETTLE_MS } from "./wanted_service.ts";

const NAME = {
  name: {
    type: "text",
    required: true,
    description: "Name of the service, as nginx or nginx.socket",
  },
} as const satisfies ParameterShapes;

const ENABLED = {
  enabled: {
    type: "switch",
    description:
      "True to start it with the host, false not to; as it is by default",
  },
} as const satisfies ParameterShapes;

const SETTLE = {
  settle: {
    type: "duration",
    description: "Time after a start at whose end it must still run",
    standard: "2s",
  },
} as const satisfies ParameterShapes;

/** Operations on services under the name of a module: service, or RedPepper's systemd. */
function operationsOf(module: string): readonly StepOperation[] {
  return [
    stepOperation({
      name: `${module}.Running`,
      description:
        "Makes a service run, and restarts it when other steps change something",
      subject: "name",
      parameters: {
        ...NAME,
        ...ENABLED,
        restart_on: {
          type: "steps",
          description: "Earlier steps whose changes restart it",
        },
        reload_on: {
          type: "steps",
          description:
            "Earlier steps whose changes make it read its files again",
        },
        ...SETTLE,
      },
      things: serviceThings,
      validate: ({ name }) => requireServiceName(name),
      check: ({ restart_on, reload_on, ...params }, reader, forecast) =>
        checkService(
          { ...params, up: true, restartOn: restart_on, reloadOn: reload_on },
          reader,
          forecast,
        ),
      change: ({ settle, ...params }, check, writer) =>
        changeService({ ...params, up: true, settleMs: settle }, check, writer),
    }),
    stepOperation({
      name: `${module}.Stopped`,
      description: "Makes a service not run",
      subject: "name",
      parameters: { ...NAME, ...ENABLED },
      things: serviceThings,
      validate: ({ name }) => requireServiceName(name),
      check: (params, reader, forecast) =>
        checkService({ ...params, up: false }, reader, forecast),
      change: (params, check, writer) =>
        changeService({ ...params, up: false }, check, writer),
    }),
    simple(module, "Enabled", {
      description: "Makes a service start with the host",
      wanted: { enabled: true },
    }),
    simple(module, "Disabled", {
      description: "Makes a service not start with the host",
      wanted: { enabled: false },
    }),
    simple(module, "Masked", {
      description: "Makes a service impossible to start",
      wanted: { masked: true },
    }),
    stepOperation({
      name: `${module}.Restart`,
      description: "Restarts a service, each time",
      subject: "name",
      parameters: { ...NAME, ...SETTLE },
      things: serviceThings,
      validate: ({ name }) => requireServiceName(name),
      check: ({ name }, reader, forecast) =>
        checkAct("restart", name, { reader, forecast }),
      change: (params, _, writer) => doAct("restart", params, writer),
    }),
    stepOperation({
      name: `${module}.Reload`,
      description: "Makes a service read its files again, each time",
      subject: "name",
      parameters: NAME,
      things: serviceThings,
      validate: ({ name }) => requireServiceName(name),
      check: ({ name }, reader, forecast) =>
        checkAct("reload", name, { reader, forecast }),
      change: (params, _, writer) => doAct("reload", params, writer),
    }),
  ];
}

/** Operation that wants one thing of a service. */
function simple(
  module: string,
  name: string,
  { description, wanted }: {
    readonly description: string;
    readonly wanted: { readonly enabled?: boolean; readonly masked?: true };
  },
): StepOperation {
  return stepOperation({
    name: `${module}.${name}`,
    description,
    subject: "name",
    parameters: NAME,
    things: serviceThings,
    validate: ({ name }) => requireServiceName(name),
    check: (params, reader, forecast) =>
      checkService({ ...params, ...wanted }, reader, forecast),
    change: (params, check, writer) =>
      changeService({ ...params, ...wanted }, check, writer),
  });
}

async function checkAct(
  act: "restart" | "reload",
  given: string,
  { reader, forecast }: { reader: HostReader; forecast: Forecast },
): Promise<Check> {
  const manager = findManager(reader);
  const name = manager.nameOf(given);
  if (!manager.acts.has(act)) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot ${act} "${name}": ${manager.kind} is installed here and does not run`,
    );
  }
  await requireOther(act, [name], reader);
  const service = await requireService(name, { manager, reader, forecast });
  await requireOther(act, service.names, reader);
  if (act === "reload" && !service.isUp) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot reload "${name}": it does not run (${service.status})`,
    );
  }
  return {
    verdict: "change",
    changes: [{ what: "service", to: `${act}s` }],
    fingerprint: servicePrint(service),
    effects: serviceEffects(service, { up: true }),
    after: "none",
  };
}

async function doAct(
  act: "restart" | "reload",
  { name: given, settle = SETTLE_MS }: {
    readonly name: string;
    readonly settle?: number;
  },
  writer: HostWriter,
): Promise<void> {
  const manager = findManager(writer);
  const acts = new ServiceActs(manager, manager.nameOf(given), {
    writer,
    settleMs: settle,
  });
  await acts.readFiles();
  await (act === "restart" ? acts.restart() : acts.do("reload"));
}

/** All operations on services. */
export const serviceOperations: readonly StepOperation[] = [
  ...operationsOf("service"),
  ...operationsOf("systemd"),
];
