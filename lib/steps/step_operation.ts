import type { ParameterShapes } from "./parameters.ts";

/** Operation of steps as the compiler and the docs know it: all but how it looks and acts. */
export interface StepDescription {
  /** Name as module.Name. */
  readonly name: string;
  /** One sentence for people. */
  readonly description: string;
  readonly parameters: ParameterShapes;
  /** Groups of parameters of which exactly one must be given, such as content, source and template. */
  readonly oneOf?: readonly (readonly string[])[];
  /** Parameter that names the subject, which gives a step without a name its name. */
  readonly subject: string;
}
