import type { CommandFilter, CommandRecord } from "../../store/records.ts";
import type { Store } from "../../store/store.ts";
import type { Sight } from "../api/operator_api.ts";

/** Fewest commands of one read of the database. */
const MIN_PAGE = 500;

/** Commands of a filter whose agents somebody sees, newest first. */
export async function seenCommands(
  store: Pick<Store, "commands">,
  filter: CommandFilter,
  sight: Sight | undefined,
): Promise<readonly CommandRecord[]> {
  if (sight === undefined) return await store.commands(filter);
  if (filter.agent !== undefined && !sight.has(filter.agent)) return [];
  const limit = Math.max(filter.limit, MIN_PAGE);
  const seen: CommandRecord[] = [];
  let page = await store.commands({ ...filter, limit });
  for (;;) {
    seen.push(...page.filter(({ agent }) => sight.has(agent)));
    const last = page.at(-1);
    if (last === undefined || page.length < limit) break;
    if (seen.length >= filter.limit) break;
    page = await store.commands({ ...filter, limit, beforeId: last.id });
  }
  return seen.slice(0, filter.limit);
}
