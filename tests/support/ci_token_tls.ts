/**
 * Gets a token of the CI, and then asks the Manager at an address, whose authority is in a file, who it is. Prints the
 * token, and the code of the error.
 *
 * @module
 */
import { codeOf } from "../../lib/base/errors.ts";
import { managerServices } from "../../lib/manager_services.ts";

const [address = "", caFile = ""] = Deno.args;
const token = await managerServices.ciToken("piri:m-1");
const ca = await Deno.readTextFile(caFile);
let code = "none";
try {
  using control = await managerServices.connectTo({ address, ca });
  await control.logins.whoAmI({});
} catch (error) {
  code = codeOf(error);
}
await Deno.stdout.write(new TextEncoder().encode(`${token} ${code}\n`));
