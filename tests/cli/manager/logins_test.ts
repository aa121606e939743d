import { assertEquals } from "@std/assert";
import { findManager } from "../../../lib/cli/manager/logins.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { FakeTerminal } from "../fake_terminal.ts";

Deno.test("a user without a state folder finds the socket for its group, if it may enter there", async () => {
  await using folder = await TempFolder.make();
  const [own, shared] = [folder.at("own"), folder.at("shared")];
  await Deno.mkdir(shared);
  const find = () => findManager(new FakeTerminal({}), () => own, shared);
  const without = find();
  await Deno.writeTextFile(folder.at("shared", "control.sock"), "");
  const asMember = find();
  await Deno.mkdir(own);

  assertEquals([without, asMember, find()], [own, shared, own]);
});
