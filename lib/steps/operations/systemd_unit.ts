import { contentOf } from "../file_content.ts";
import type { HostReader } from "../host/host.ts";
import { requireOther } from "../providers/services/find_manager.ts";
import {
  definitionsOf,
  UNIT_FOLDER,
} from "../providers/services/unit_files.ts";
import {
  isTemplate,
  unitFlaw,
  unitName,
} from "../providers/services/unit_names.ts";
import type { BlobValue } from "../sheet.ts";
import { stepOperation } from "../step_operation.ts";
import { quoted, WrongValue } from "../wrong_value.ts";
import { serviceThings, unlessWrong } from "./service_things.ts";
import { changeUnits, checkUnits, type WantedUnits } from "./wanted_units.ts";

/** Puts a unit of systemd on the host. */
export const systemdUnit = stepOperation({
  name: "systemd.Unit",
  description: "Makes a unit of systemd be as given, and lets systemd read it",
  subject: "name",
  oneOf: [["content", "source", "template", "absent"]],
  parameters: {
    name: {
      type: "text",
      required: true,
      description: "Name of the unit, as app or app.socket",
    },
    content: { type: "content", description: "Text of its file" },
    source: {
      type: "file",
      description: "File of the Manager's data to copy",
    },
    template: {
      type: "content",
      description: "File of the Manager's data to render",
    },
    vars: { type: "any", description: "Variables of the template" },
    dropin: {
      type: "text",
      description:
        "Name of a file that adds to a unit of a package, in place of a file of its own",
    },
    enabled: {
      type: "switch",
      description:
        "True to start it with the host, false not to; as it is by default",
    },
    running: {
      type: "switch",
      description: "True to start it, false to stop it; as it is by default",
    },
    absent: { type: "switch", description: "True to stop and remove it" },
  },
  things: serviceThings,
  touches: (params) => unlessWrong(() => [pathOf(params)]),
  validate,
  async check(params, reader, forecast) {
    const wanted = await wantedOf(params, reader);
    return await checkUnits(wanted, reader, forecast);
  },
  async change(params, check, writer) {
    await changeUnits(await wantedOf(params, writer), check, writer);
  },
});

/** Mode of a unit's file, which holds no secrets: systemd tells them to all users. */
const UNIT_MODE = 0o644;

interface Params {
  readonly name: string;
  readonly content?: string | BlobValue;
  readonly dropin?: string;
  readonly enabled?: boolean;
  readonly running?: boolean;
  readonly absent?: boolean;
}

async function wantedOf(
  params: Params,
  reader: HostReader,
): Promise<WantedUnits> {
  const { content, dropin, enabled, running, absent = false } = params;
  const name = unitName(params.name, true);
  const path = pathOf(params);
  if (dropin === undefined) await requireOther("replace", [name], reader);
  if (running === false) await requireOther("stop", [name], reader);
  const file = {
    path,
    content: absent ? undefined : contentOf(content ?? "", reader),
    mode: UNIT_MODE,
  };
  if (isTemplate(name)) return { files: [file], unit: undefined };
  const isGone = absent && dropin === undefined &&
    definitionsOf(name).every((each) =>
      each === path || reader.facts(each) === undefined
    );
  return {
    files: [file],
    isGone,
    unit: isGone
      ? { name, up: false, enabled: false }
      : { name, up: running, enabled },
  };
}

function pathOf({ name, dropin }: Params): string {
  const full = unitName(name, true);
  if (dropin === undefined) return `${UNIT_FOLDER}/${full}`;
  requireDropin(dropin);
  const file = dropin.endsWith(".conf") ? dropin : `${dropin}.conf`;
  return `${UNIT_FOLDER}/${full}.d/${file}`;
}

function requireDropin(dropin: string): void {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}$/.test(dropin)) return;
  throw new WrongValue(
    ["dropin"],
    `${
      quoted(dropin)
    } is no name of a file: it can have letters, digits and the characters _.- only`,
  );
}

function validate(
  { name, dropin, enabled, running, absent }: Omit<Params, "content">,
): void {
  const flaw = unitFlaw(name, true);
  if (flaw !== undefined) {
    throw new WrongValue(
      ["name"],
      `${quoted(name)} is no name of a unit: ${flaw}`,
    );
  }
  if (dropin !== undefined) requireDropin(dropin);
  if (absent === false) {
    throw new WrongValue(
      ["absent"],
      "it is false; leave it out, and give the content",
    );
  }
  const start = running !== undefined ? "running" : "enabled";
  if (running === undefined && enabled === undefined) return;
  if (absent) {
    throw new WrongValue(
      [start],
      "the unit shall be absent, so it can neither run nor start; leave it out",
    );
  }
  if (isTemplate(unitName(name, true))) {
    throw new WrongValue(
      [start],
      `the unit ${
        quoted(name)
      } is a template, which cannot run; use service.Running for its instances`,
    );
  }
}
