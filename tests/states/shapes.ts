import type {
  ParameterShape,
  ParameterShapes,
} from "../../lib/steps/parameters.ts";
import type { StepDescription } from "../../lib/steps/step_operation.ts";

/** Text. */
export const text = (description: string): ParameterShape => ({
  type: "text",
  description,
});
/** File of the Manager. */
export const file = (description: string): ParameterShape => ({
  type: "file",
  description,
});
/** Folder of the Manager. */
export const folder = (description: string): ParameterShape => ({
  type: "folder",
  description,
});
/** Absolute path. */
export const path = (description: string): ParameterShape => ({
  type: "path",
  description,
});
/** Texts. */
export const texts = (description: string): ParameterShape => ({
  type: "texts",
  description,
});
/** Map of texts. */
export const map = (description: string): ParameterShape => ({
  type: "map",
  description,
});
/** Whole number. */
export const integer = (description: string): ParameterShape => ({
  type: "integer",
  description,
});
/** Duration. */
export const duration = (
  description: string,
  standard: string,
): ParameterShape => ({
  type: "duration",
  description,
  standard,
});
/** Switch. */
export const flag = (
  description: string,
  standard = "false",
): ParameterShape => ({
  type: "switch",
  description,
  standard,
});
/** The same parameter, which must be given. */
export const required = (shape: ParameterShape): ParameterShape => ({
  ...shape,
  required: true,
});
/** Path that an operation is about. */
export const PATH = required(path("absolute path on the host"));
/** Name that an operation is about. */
export const NAME = required(text("name"));
/** Switch that turns an operation round. */
export const ABSENT = flag("true to remove it");
/** Owner and mode of a file. */
export const OWNER: ParameterShapes = {
  user: text("owner, by name or number"),
  group: text("group, by name or number"),
  mode: { type: "mode", description: "mode in octal digits, as 0644" },
};
/** Content of a file, in one of three ways, and the variables of a template. */
export const CONTENT: ParameterShapes = {
  content: { type: "content", description: "the content itself" },
  source: text("file of the Manager, by its path below files/all"),
  template: text("template of the Manager, by its path below files/all"),
  vars: { type: "any", description: "variables of the template" },
};
/** Operation of a step, as the compiler knows it. */
export function operation(
  name: string,
  description: string,
  subject: string,
  parameters: ParameterShapes,
  oneOf?: readonly (readonly string[])[],
): StepDescription {
  return {
    name,
    description,
    subject,
    parameters,
    ...oneOf === undefined ? {} : { oneOf },
  };
}
