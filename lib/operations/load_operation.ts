import type { Operation } from "./operation.ts";
import { plainOperations } from "./plain_operations.ts";
import type { RegistryOptions } from "./registry.ts";

/**
 * Finds an operation by its name, and loads it if need be.
 *
 * @throws {PiriError} NOT_FOUND, with a name that is close as a hint.
 */
export async function loadOperation(
  name: string,
  options: RegistryOptions,
): Promise<Operation> {
  const plain = plainOperations.find((each) => each.name === name);
  if (plain !== undefined && (options.allowTestOperations || !plain.forTests)) {
    return plain;
  }
  const { operationNamed } = await import("./registry.ts");
  return operationNamed(name, options);
}
