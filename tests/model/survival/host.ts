import type { SurvivalRules } from "./rules.ts";
import { type State, type Step, withoutFolder } from "./state.ts";

/** Steps of the keeper and its program. */
export function* keeperSteps(
  state: State,
  rules: SurvivalRules,
): Generator<Step> {
  const { keeper, program, folder } = state;
  if (keeper === "begins") {
    const isFirst = folder.name === "none" || !rules.has("one-name");
    // A folder that was removed takes its keeper along.
    yield isFirst && folder.exists
      ? {
        what: "the keeper takes the name, and the program begins",
        state: {
          ...state,
          keeper: "keeps",
          program: "runs",
          begun: state.begun + 1,
          folder: { ...folder, name: "keeper" },
        },
      }
      : {
        what: "the keeper comes too late, and leaves",
        state: { ...state, keeper: "none" },
      };
  }
  if (program === "runs") {
    const what = "the program ends";
    yield { what, state: { ...state, program: "ended" } };
  }
  if (keeper !== "keeps" || program !== "ended") return;
  if (folder.end === "no") {
    const end = { ...folder, end: "page" } as const;
    const what = "the keeper notes the exit code";
    yield { what, state: { ...state, folder: end } };
  } else if (folder.end === "page") {
    const end = { ...folder, end: "disk" } as const;
    const what = "the exit code is on the disk, and the keeper leaves";
    yield { what, state: { ...state, keeper: "none", folder: end } };
  }
}

/** Faults. */
export function* faultSteps(state: State): Generator<Step> {
  const { left, phase, keeper, folder } = state;
  if (left.agentKills > 0 && phase !== "off") {
    yield {
      what: "the agent is killed",
      state: {
        ...state,
        phase: "off",
        known: undefined,
        left: { ...left, agentKills: left.agentKills - 1 },
      },
    };
  }
  if (left.keeperKills > 0 && keeper !== "none") {
    yield {
      what: "the keeper is killed",
      state: {
        ...state,
        keeper: "none",
        left: { ...left, keeperKills: left.keeperKills - 1 },
      },
    };
  }
  if (left.powerCuts === 0) return;
  const after: State = {
    ...state,
    boot: state.boot + 1,
    phase: "off",
    known: undefined,
    keeper: "none",
    program: state.program === "runs" ? "ended" : state.program,
    left: { ...left, powerCuts: left.powerCuts - 1 },
  };
  yield { what: "the power is cut, and the disk has all", state: after };
  if (!folder.exists || folder.end === "disk") return;
  yield {
    what: "the power is cut, and the folder is lost",
    state: withoutFolder(after),
  };
  yield {
    what: "the power is cut, and only the empty folder is there",
    state: { ...after, folder: { ...folder, name: "none", end: "no" } },
  };
}
