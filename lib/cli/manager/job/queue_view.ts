import type { Terminal } from "../../terminal.ts";
import { oneLine } from "../../text.ts";
import { JsonView } from "../json_view.ts";
import { JsonWaits } from "../json_waits.ts";
import { storageText } from "../storage_text.ts";
import { entryHasEnded, labelOf } from "./entry_state.ts";
import { entryWait, EntryWaits } from "./entry_waits.ts";
import { entryJson } from "./job_json.ts";
import { type JobView, silentJobView } from "./job_view.ts";

/** View of a job of one agent until its command is made: why it waits, and with `json` also its end without one. */
export function queueView(
  terminal: Terminal,
  { json }: { readonly json: boolean },
): JobView {
  return json ? jsonView(terminal) : textView(terminal);
}

function textView({ stderr, clock }: Terminal): JobView {
  const note = async (text: string) => {
    await stderr.write(`${oneLine(text)}\n`);
  };
  const waits = new EntryWaits(clock, { gatherMs: 0, say: note });
  return {
    ...silentJobView,
    entry: async ({ entry }, { job }) => {
      if (labelOf(entry) === "queued") await waits.change(entry, job);
      else waits.close();
    },
    storage: (state) => note(storageText(state)),
    note,
    abandon: () => {
      waits.close();
      return Promise.resolve();
    },
  };
}

function jsonView(terminal: Terminal): JobView {
  const view = new JsonView(terminal);
  const print = async (event: unknown) => {
    await terminal.stdout.write(`${JSON.stringify(event)}\n`);
  };
  const waits = new JsonWaits(terminal.clock, print);
  return {
    ...silentJobView,
    entry: async ({ entry }, { job }) => {
      const { commandId: id, agent } = entry;
      const wait = labelOf(entry) === "queued" ? entryWait(entry) : undefined;
      await waits.change(0n, { id, agent }, wait);
      // The view of the command tells of it then.
      if (id !== undefined || !entryHasEnded(entry)) return;
      await print({ event: "result", ...entryJson(entry, job.id) });
    },
    storage: (state) => view.storage(state),
    close: async ({ job, tally }, { exitCode }) => {
      await print({
        event: "summary",
        job: `j-${job.id}`,
        states: tally,
        exitCode,
      });
    },
    abandon: () => {
      waits.close();
      return Promise.resolve();
    },
  };
}
